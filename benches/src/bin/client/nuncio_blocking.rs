use crate::Outcome;
use crate::measure::Blocking;
use crate::pieces::{BIG, Pieces};
use crate::target::Target;
use nuncio::blocking::Client;
use nuncio::{Body, Limits};

pub(crate) struct Nuncio {
    client: Client,
    target: Target,
}

impl Blocking for Nuncio {
    fn new(target: &Target) -> Outcome<Self> {
        let mut builder = Client::builder();
        builder = builder.limits(Limits {
            max_idle: None,
            ..Limits::default()
        });
        builder = builder.http2_prior_knowledge(target.http2);
        if let Some(tls) = target.tls()? {
            builder = builder.tls_config(tls);
        }
        Ok(Nuncio {
            client: builder.build()?,
            target: target.clone(),
        })
    }

    fn worker(&self) -> Outcome<Self> {
        Ok(Nuncio {
            client: self.client.clone(),
            target: self.target.clone(),
        })
    }

    fn tiny(&mut self) -> Outcome<usize> {
        Ok(self
            .client
            .get(&self.target.url)
            .send()?
            .error_for_status()?
            .bytes()
            .len())
    }

    fn download(&mut self) -> Outcome<u64> {
        let mut response = self
            .client
            .get(&self.target.url)
            .stream()?
            .error_for_status()?;
        let mut length = 0;
        while let Some(chunk) = response.chunk()? {
            length += chunk.len() as u64;
        }
        Ok(length)
    }

    fn upload(&mut self) -> Outcome<()> {
        let body = Body::reader(Pieces::new(), Some(BIG));
        self.client
            .put(&self.target.url)
            .body(body)
            .send()?
            .error_for_status()?;
        Ok(())
    }

    fn upload_whole(&mut self) -> Outcome<()> {
        let body = self.target.body();
        self.client
            .put(&self.target.url)
            .body(body)
            .send()?
            .error_for_status()?;
        Ok(())
    }
}
