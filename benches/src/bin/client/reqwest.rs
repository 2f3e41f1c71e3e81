use crate::Outcome;
use crate::measure::{Asynchronous, Blocking};
use crate::pieces::{BIG, Pieces};
use crate::target::Target;
use std::io::Read;

pub(crate) struct Reqwest {
    client: reqwest::Client,
    target: Target,
}

impl Asynchronous for Reqwest {
    async fn new(target: &Target) -> Outcome<Self> {
        let mut builder = reqwest::Client::builder();
        if target.http2 {
            builder = builder.http2_prior_knowledge();
        }
        // Plain runs too: without a provider for the whole process, its builder refuses.
        builder = builder.tls_backend_preconfigured(target.tls_always()?);
        Ok(Reqwest {
            client: builder.build()?,
            target: target.clone(),
        })
    }

    async fn worker(&self) -> Outcome<Self> {
        Ok(Reqwest {
            client: self.client.clone(),
            target: self.target.clone(),
        })
    }

    async fn tiny(&mut self) -> Outcome<usize> {
        let response = self.client.get(&self.target.url).send().await?;
        Ok(response.error_for_status()?.bytes().await?.len())
    }

    async fn download(&mut self) -> Outcome<u64> {
        let response = self.client.get(&self.target.url).send().await?;
        let mut response = response.error_for_status()?;
        let mut length = 0;
        while let Some(chunk) = response.chunk().await? {
            length += chunk.len() as u64;
        }
        Ok(length)
    }

    async fn upload(&mut self) -> Outcome<()> {
        let body = reqwest::Body::wrap(Pieces::new());
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

pub(crate) struct ReqwestBlocking {
    client: reqwest::blocking::Client,
    target: Target,
    buf: Vec<u8>,
}

impl Blocking for ReqwestBlocking {
    fn new(target: &Target) -> Outcome<Self> {
        let mut builder = reqwest::blocking::Client::builder();
        if target.http2 {
            builder = builder.http2_prior_knowledge();
        }
        builder = builder.tls_backend_preconfigured(target.tls_always()?);
        let client = builder.build()?;
        Ok(ReqwestBlocking {
            client,
            target: target.clone(),
            buf: vec![0; 128 << 10],
        })
    }

    fn worker(&self) -> Outcome<Self> {
        let client = self.client.clone();
        Ok(ReqwestBlocking {
            client,
            target: self.target.clone(),
            buf: self.buf.clone(),
        })
    }

    fn tiny(&mut self) -> Outcome<usize> {
        let response = self.client.get(&self.target.url).send()?;
        Ok(response.error_for_status()?.bytes()?.len())
    }

    fn download(&mut self) -> Outcome<u64> {
        let response = self.client.get(&self.target.url).timeout(TIMEOUT).send()?;
        let mut response = response.error_for_status()?;
        let mut length = 0;
        loop {
            match response.read(&mut self.buf)? {
                0 => return Ok(length),
                read => length += read as u64,
            }
        }
    }

    fn upload(&mut self) -> Outcome<()> {
        let body = reqwest::blocking::Body::sized(Pieces::new(), BIG);
        let request = self
            .client
            .put(&self.target.url)
            .timeout(TIMEOUT)
            .body(body);
        request.send()?.error_for_status()?;
        Ok(())
    }

    fn upload_whole(&mut self) -> Outcome<()> {
        let request = self
            .client
            .put(&self.target.url)
            .timeout(TIMEOUT)
            .body(self.target.body());
        request.send()?.error_for_status()?;
        Ok(())
    }
}

/// Its default limits the whole exchange to 30 seconds, which a transfer under an observer may pass.
const TIMEOUT: std::time::Duration = std::time::Duration::from_secs(600);
