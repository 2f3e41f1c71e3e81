//! JSON bodies.

use crate::error::{Error, Kind};

/// `value` as compact UTF-8 JSON (BEHAVIOUR section 8).
pub(crate) fn to_vec<T: serde::Serialize + ?Sized>(value: &T) -> Result<Vec<u8>, Error> {
    serde_json::to_vec(value).map_err(|error| {
        Error::new(
            Kind::Builder,
            format!("the JSON body cannot be written: {error}"),
        )
    })
}
