//! What may cross threads, and be cloned. It holds if it compiles.

#[cfg(feature = "blocking")]
fn shared<T: Clone + Send + Sync + 'static>() {}
#[cfg(feature = "tokio")]
fn shared_async<T: Clone + Send + Sync + 'static>() {}
fn sent<T: Send + 'static>() {}

#[test]
fn clients_are_shared_and_requests_are_sent() {
    #[cfg(feature = "blocking")]
    {
        shared::<nuncio::blocking::Client>();
        sent::<nuncio::blocking::Streaming>();
        sent::<nuncio::blocking::RequestBuilder>();
    }
    #[cfg(feature = "tokio")]
    {
        shared_async::<nuncio::Client>();
        sent::<nuncio::Streaming>();
        sent::<nuncio::RequestBuilder>();
        fn future_is_sent(client: &nuncio::Client) -> impl Future + Send + 'static + use<> {
            client.get("http://localhost/").send()
        }
        let _ = future_is_sent;
    }
    sent::<nuncio::Request>();
    fn plain<T: Clone + Send + Sync + 'static>() {}
    plain::<nuncio::Response>();
    plain::<nuncio::Error>();
    plain::<nuncio::Auth>();
    plain::<nuncio::CookieJar>();
    plain::<nuncio::Proxy>();
    plain::<nuncio::ProxyChoice>();
    plain::<nuncio::Redirects>();
    plain::<nuncio::Transport>();
}
