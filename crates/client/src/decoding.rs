//! Undoing the content codings of a response (BEHAVIOUR section 13, SECURITY table Z).

use crate::error::{Error, Kind};
use crate::request::Request;
use crate::settings::Settings;
use bytes::Bytes;
use nuncio_connection::ResponseHead;
use nuncio_content::{Budget, Codings, DEFAULT_CODINGS, DecodeError, Decoder, StateCache};

/// What a client does about content codings.
#[derive(Clone, Debug)]
pub(crate) struct Decoding {
    pub(crate) decode: bool,
    pub(crate) budget: Budget,
    pub(crate) max_codings: usize,
    /// What decoders need, kept between the responses of a client.
    pub(crate) states: StateCache,
}

/// What a request says about it; what it leaves open the client decides.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct DecodingOptions {
    pub(crate) decode: Option<bool>,
    pub(crate) budget: Option<Budget>,
    pub(crate) max_codings: Option<usize>,
}

impl Default for Decoding {
    fn default() -> Self {
        Decoding {
            decode: true,
            budget: Budget::default(),
            max_codings: DEFAULT_CODINGS,
            states: StateCache::default(),
        }
    }
}

/// A coded body on its way to who pulls it. Nothing is set up before its first byte is here, so that
/// a response without a body costs nothing and cannot fail (SECURITY Z9), and one that is closed or
/// drained never meets a decoder (Z11).
pub(crate) struct Coded {
    /// Refused where there are too many (Z2).
    codings: Result<Codings, DecodeError>,
    budget: Budget,
    states: StateCache,
    stage: Stage,
    /// What came and is not decoded yet.
    input: Bytes,
    ended: bool,
}

/// How such a body is pulled is settled by its first piece: a decoder cannot begin in the middle, and
/// what it has taken is no longer there as it came.
enum Stage {
    Fresh,
    Raw,
    Decoding(Decoder),
}

impl Coded {
    /// Of the response to `request`; none where its body is handed on as it comes.
    #[inline]
    pub(crate) fn of(
        settings: &Settings,
        request: &Request,
        head: &ResponseHead,
    ) -> Option<Box<Coded>> {
        if !head.headers.contains("content-encoding") {
            return None;
        }
        Self::new(settings, request, head)
    }

    #[cold]
    fn new(settings: &Settings, request: &Request, head: &ResponseHead) -> Option<Box<Coded>> {
        let general = &settings.decoding;
        let own = request.options.rare.as_deref();
        let own = own.map(|rare| rare.decoding).unwrap_or_default();
        if !own.decode.unwrap_or(general.decode) {
            return None;
        }
        let codings = Codings::parse(
            head.headers.get_all("content-encoding"),
            own.max_codings.unwrap_or(general.max_codings),
        );
        if matches!(&codings, Ok(codings) if codings.is_empty()) {
            return None;
        }
        Some(Box::new(Coded {
            codings,
            budget: own.budget.unwrap_or(general.budget),
            states: general.states.clone(),
            stage: Stage::Fresh,
            input: Bytes::new(),
            ended: false,
        }))
    }

    /// What a whole body decodes to, which may be `limit` bytes at most.
    pub(crate) fn whole(mut self: Box<Self>, raw: Bytes, limit: usize) -> Result<Bytes, Error> {
        let broken = |error| Error::other(Kind::Decoding, error);
        let mut body = Vec::new();
        if raw.is_empty() {
            return Ok(raw);
        }
        self.push(raw).map_err(broken)?;
        self.end();
        while let Some(piece) = self.next().map_err(broken)? {
            if body.len() + piece.len() > limit {
                let text = format!("a body that is to be held decodes to more than {limit} bytes");
                return Err(Error::new(Kind::Decoding, text));
            }
            body.extend_from_slice(&piece);
        }
        Ok(body.into())
    }

    /// Takes a piece as it came, which is not empty. Ask [`next`](Self::next) before the next one.
    pub(crate) fn push(&mut self, piece: Bytes) -> Result<(), DecodeError> {
        if let Stage::Fresh = self.stage {
            let codings = self.codings.clone()?;
            let decoder = Decoder::with_cache(&codings, self.budget, &self.states);
            self.stage = Stage::Decoding(decoder);
        }
        self.input = piece;
        Ok(())
    }

    /// The body has ended. True when that is no news: all that there was has been given then.
    pub(crate) fn end(&mut self) -> bool {
        std::mem::replace(&mut self.ended, true)
    }

    /// The next decoded piece; none until more has come, or for ever after the end.
    pub(crate) fn next(&mut self) -> Result<Option<Bytes>, DecodeError> {
        let Stage::Decoding(decoder) = &mut self.stage else {
            return Ok(None);
        };
        if let Some(piece) = decoder.decode(&mut self.input)? {
            return Ok(Some(piece));
        }
        if self.ended {
            return decoder.finish();
        }
        Ok(None)
    }

    /// The body is pulled decoded from here on.
    pub(crate) fn pull_decoded(&self) -> Result<(), Error> {
        match self.stage {
            Stage::Raw => {
                let text = "part of the body was pulled as it came, and the rest of a coded body \
                            cannot be decoded without it";
                Err(Error::new(Kind::StreamConsumed, text))
            }
            Stage::Fresh | Stage::Decoding(_) => Ok(()),
        }
    }

    /// The body is pulled as it comes from here on.
    pub(crate) fn pull_raw(&mut self) -> Result<(), Error> {
        match self.stage {
            Stage::Decoding(_) => {
                let text = "the body is being decoded, and is no longer there as it came";
                Err(Error::new(Kind::StreamConsumed, text))
            }
            Stage::Fresh | Stage::Raw => {
                self.stage = Stage::Raw;
                Ok(())
            }
        }
    }
}
