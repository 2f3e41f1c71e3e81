use crate::Outcome;
use crate::measure::Asynchronous;
use crate::pieces::{BIG, Pieces};
use crate::target::Target;
use nuncio::{Client, Limits, from_stream};

pub(crate) struct Nuncio {
    client: Client,
    target: Target,
}

impl Asynchronous for Nuncio {
    async fn new(target: &Target) -> Outcome<Self> {
        let mut builder = nuncio::tokio::builder();
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

    async fn worker(&self) -> Outcome<Self> {
        Ok(Nuncio {
            client: self.client.clone(),
            target: self.target.clone(),
        })
    }

    async fn tiny(&mut self) -> Outcome<usize> {
        Ok(self
            .client
            .get(&self.target.url)
            .send()
            .await?
            .error_for_status()?
            .bytes()
            .len())
    }

    async fn download(&mut self) -> Outcome<u64> {
        let response = self.client.get(&self.target.url).stream().await?;
        let mut response = response.error_for_status().await?;
        let mut length = 0;
        while let Some(chunk) = response.chunk().await? {
            length += chunk.len() as u64;
        }
        Ok(length)
    }

    async fn upload(&mut self) -> Outcome<()> {
        let body = from_stream(Pieces::new(), Some(BIG));
        self.client
            .put(&self.target.url)
            .body(body)
            .send()
            .await?
            .error_for_status()?;
        Ok(())
    }

    async fn upload_whole(&mut self) -> Outcome<()> {
        let body = self.target.body();
        self.client
            .put(&self.target.url)
            .body(body)
            .send()
            .await?
            .error_for_status()?;
        Ok(())
    }
}
