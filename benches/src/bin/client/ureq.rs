use crate::Outcome;
use crate::measure::Blocking;
use crate::pieces::{BIG, Pieces};
use crate::target::Target;
use std::io::Read;
use std::sync::Arc;
use ureq::tls::{Certificate, RootCerts, TlsConfig};
use ureq::{Agent, SendBody};

pub(crate) struct Ureq {
    agent: Agent,
    target: Target,
    buf: Vec<u8>,
}

impl Blocking for Ureq {
    fn new(target: &Target) -> Outcome<Self> {
        let mut config = Agent::config_builder()
            .max_idle_connections(100)
            .max_idle_connections_per_host(100);
        if let Some(ca) = &target.ca {
            let provider = Arc::new(rustls::crypto::ring::default_provider());
            let tls = TlsConfig::builder()
                .root_certs(RootCerts::new_with_certs(&[Certificate::from_pem(ca)?]))
                .unversioned_rustls_crypto_provider(provider)
                .build();
            config = config.tls_config(tls);
        }
        let agent = config.build().new_agent();
        Ok(Ureq {
            agent,
            target: target.clone(),
            buf: vec![0; 128 << 10],
        })
    }

    fn worker(&self) -> Outcome<Self> {
        let agent = self.agent.clone();
        Ok(Ureq {
            agent,
            target: self.target.clone(),
            buf: self.buf.clone(),
        })
    }

    fn tiny(&mut self) -> Outcome<usize> {
        Ok(self
            .agent
            .get(&self.target.url)
            .call()?
            .body_mut()
            .read_to_vec()?
            .len())
    }

    fn download(&mut self) -> Outcome<u64> {
        let mut response = self.agent.get(&self.target.url).call()?;
        let mut body = response.body_mut().as_reader();
        let mut length = 0;
        loop {
            match body.read(&mut self.buf)? {
                0 => return Ok(length),
                read => length += read as u64,
            }
        }
    }

    fn upload(&mut self) -> Outcome<()> {
        let request = self
            .agent
            .put(&self.target.url)
            .header("Content-Length", BIG.to_string());
        request.send(SendBody::from_owned_reader(Pieces::new()))?;
        Ok(())
    }

    fn upload_whole(&mut self) -> Outcome<()> {
        self.agent
            .put(&self.target.url)
            .send(&*self.target.body())?;
        Ok(())
    }
}
