//! JSON bodies.

use crate::error::{Error, Kind};
use serde::Serialize;
use serde::ser::{
    SerializeMap, SerializeSeq, SerializeStruct, SerializeStructVariant, SerializeTuple,
    SerializeTupleStruct, SerializeTupleVariant, Serializer,
};
use std::fmt;

/// `value` as compact UTF-8 JSON (BEHAVIOUR section 8).
pub(crate) fn to_vec<T: Serialize + ?Sized>(value: &T) -> Result<Vec<u8>, Error> {
    let mut text = Vec::with_capacity(128);
    let mut json = serde_json::Serializer::new(&mut text);
    match value.serialize(Strict(&mut json)) {
        Ok(()) => Ok(text),
        Err(error) => {
            let text = format!("the JSON body cannot be written: {error}");
            Err(Error::new(Kind::Builder, text))
        }
    }
}

/// A serializer, or a part of one, that refuses the numbers which JSON does not have: serde_json
/// writes `null` for them, and the server would never know. Everything else it passes on.
struct Strict<S>(S);

/// A value within another.
struct Inner<'a, T: ?Sized>(&'a T);

impl<T: Serialize + ?Sized> Serialize for Inner<'_, T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(Strict(serializer))
    }
}

fn check<E: serde::ser::Error>(number: f64) -> Result<(), E> {
    if number.is_finite() {
        return Ok(());
    }
    Err(E::custom(format_args!("JSON has no number {number}")))
}

macro_rules! pass_on {
    ($($method:ident($($kind:ty),*);)*) => {$(
        pass_on!(@ $method $($kind)*);
    )*};
    (@ $method:ident) => {
        fn $method(self) -> Result<S::Ok, S::Error> {
            self.0.$method()
        }
    };
    (@ $method:ident $kind:ty) => {
        fn $method(self, value: $kind) -> Result<S::Ok, S::Error> {
            self.0.$method(value)
        }
    };
}

impl<S: Serializer> Serializer for Strict<S> {
    type Ok = S::Ok;
    type Error = S::Error;
    type SerializeSeq = Strict<S::SerializeSeq>;
    type SerializeTuple = Strict<S::SerializeTuple>;
    type SerializeTupleStruct = Strict<S::SerializeTupleStruct>;
    type SerializeTupleVariant = Strict<S::SerializeTupleVariant>;
    type SerializeMap = Strict<S::SerializeMap>;
    type SerializeStruct = Strict<S::SerializeStruct>;
    type SerializeStructVariant = Strict<S::SerializeStructVariant>;

    fn serialize_f32(self, value: f32) -> Result<S::Ok, S::Error> {
        check(value.into())?;
        self.0.serialize_f32(value)
    }

    fn serialize_f64(self, value: f64) -> Result<S::Ok, S::Error> {
        check(value)?;
        self.0.serialize_f64(value)
    }

    pass_on! {
        serialize_bool(bool);
        serialize_i8(i8);
        serialize_i16(i16);
        serialize_i32(i32);
        serialize_i64(i64);
        serialize_i128(i128);
        serialize_u8(u8);
        serialize_u16(u16);
        serialize_u32(u32);
        serialize_u64(u64);
        serialize_u128(u128);
        serialize_char(char);
        serialize_str(&str);
        serialize_bytes(&[u8]);
        serialize_unit_struct(&'static str);
        serialize_none();
        serialize_unit();
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<S::Ok, S::Error> {
        self.0.serialize_some(&Inner(value))
    }

    fn serialize_unit_variant(
        self,
        name: &'static str,
        index: u32,
        variant: &'static str,
    ) -> Result<S::Ok, S::Error> {
        self.0.serialize_unit_variant(name, index, variant)
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        name: &'static str,
        value: &T,
    ) -> Result<S::Ok, S::Error> {
        self.0.serialize_newtype_struct(name, &Inner(value))
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        name: &'static str,
        index: u32,
        variant: &'static str,
        value: &T,
    ) -> Result<S::Ok, S::Error> {
        self.0
            .serialize_newtype_variant(name, index, variant, &Inner(value))
    }

    fn serialize_seq(self, len: Option<usize>) -> Result<Self::SerializeSeq, S::Error> {
        self.0.serialize_seq(len).map(Strict)
    }

    fn serialize_tuple(self, len: usize) -> Result<Self::SerializeTuple, S::Error> {
        self.0.serialize_tuple(len).map(Strict)
    }

    fn serialize_tuple_struct(
        self,
        name: &'static str,
        len: usize,
    ) -> Result<Self::SerializeTupleStruct, S::Error> {
        self.0.serialize_tuple_struct(name, len).map(Strict)
    }

    fn serialize_tuple_variant(
        self,
        name: &'static str,
        index: u32,
        variant: &'static str,
        len: usize,
    ) -> Result<Self::SerializeTupleVariant, S::Error> {
        let inner = self.0.serialize_tuple_variant(name, index, variant, len);
        inner.map(Strict)
    }

    fn serialize_map(self, len: Option<usize>) -> Result<Self::SerializeMap, S::Error> {
        self.0.serialize_map(len).map(Strict)
    }

    fn serialize_struct(
        self,
        name: &'static str,
        len: usize,
    ) -> Result<Self::SerializeStruct, S::Error> {
        self.0.serialize_struct(name, len).map(Strict)
    }

    fn serialize_struct_variant(
        self,
        name: &'static str,
        index: u32,
        variant: &'static str,
        len: usize,
    ) -> Result<Self::SerializeStructVariant, S::Error> {
        let inner = self.0.serialize_struct_variant(name, index, variant, len);
        inner.map(Strict)
    }

    fn collect_str<T: fmt::Display + ?Sized>(self, value: &T) -> Result<S::Ok, S::Error> {
        self.0.collect_str(value)
    }

    fn is_human_readable(&self) -> bool {
        self.0.is_human_readable()
    }
}

/// What holds values one after the other.
macro_rules! row {
    ($($trait:ident::$method:ident),*) => {$(
        impl<S: $trait> $trait for Strict<S> {
            type Ok = S::Ok;
            type Error = S::Error;

            fn $method<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), S::Error> {
                self.0.$method(&Inner(value))
            }

            fn end(self) -> Result<S::Ok, S::Error> {
                self.0.end()
            }
        }
    )*};
}

row!(
    SerializeSeq::serialize_element,
    SerializeTuple::serialize_element,
    SerializeTupleStruct::serialize_field,
    SerializeTupleVariant::serialize_field
);

/// What holds values under names that are known.
macro_rules! named {
    ($($trait:ident),*) => {$(
        impl<S: $trait> $trait for Strict<S> {
            type Ok = S::Ok;
            type Error = S::Error;

            fn serialize_field<T: Serialize + ?Sized>(
                &mut self,
                key: &'static str,
                value: &T,
            ) -> Result<(), S::Error> {
                self.0.serialize_field(key, &Inner(value))
            }

            fn skip_field(&mut self, key: &'static str) -> Result<(), S::Error> {
                self.0.skip_field(key)
            }

            fn end(self) -> Result<S::Ok, S::Error> {
                self.0.end()
            }
        }
    )*};
}

named!(SerializeStruct, SerializeStructVariant);

impl<S: SerializeMap> SerializeMap for Strict<S> {
    type Ok = S::Ok;
    type Error = S::Error;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), S::Error> {
        // serde_json refuses such numbers there itself.
        self.0.serialize_key(key)
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), S::Error> {
        self.0.serialize_value(&Inner(value))
    }

    fn serialize_entry<K: Serialize + ?Sized, V: Serialize + ?Sized>(
        &mut self,
        key: &K,
        value: &V,
    ) -> Result<(), S::Error> {
        self.0.serialize_entry(key, &Inner(value))
    }

    fn end(self) -> Result<S::Ok, S::Error> {
        self.0.end()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    #[derive(Serialize)]
    #[serde(rename_all = "lowercase")]
    enum Choice {
        Unit,
        New(f64),
        Pair(u8, f64),
        Named { a: f64 },
    }

    #[derive(Serialize)]
    struct All {
        zeta: f64,
        text: &'static str,
        none: Option<f64>,
        some: Option<f64>,
        list: Vec<f64>,
        pair: (i128, char),
        map: BTreeMap<&'static str, f64>,
        choices: Vec<Choice>,
        #[serde(skip_serializing_if = "Option::is_none")]
        left_out: Option<u8>,
        alpha: (),
    }

    fn all(number: f64) -> All {
        All {
            zeta: 1.0,
            text: "é\"\u{1}/\u{2028}",
            none: None,
            some: Some(1e20),
            list: vec![0.5, -0.0],
            pair: (i128::MIN, 'x'),
            map: BTreeMap::from([("b", 1.0), ("a", 2.0)]),
            choices: vec![
                Choice::Unit,
                Choice::New(1.0),
                Choice::Pair(1, 2.0),
                Choice::Named { a: number },
            ],
            left_out: None,
            alpha: (),
        }
    }

    #[test]
    fn b08_json_is_compact_utf8_in_the_order_given() {
        let text = String::from_utf8(to_vec(&all(3.0)).unwrap()).unwrap();
        assert!(
            text.starts_with("{\"zeta\":1.0,\"text\":\"é\\\"\\u0001/\u{2028}\",\"none\":null,")
        );
        assert!(
            text.ends_with("{\"named\":{\"a\":3.0}}],\"alpha\":null}"),
            "{text}"
        );
        assert_eq!(text.as_bytes(), serde_json::to_vec(&all(3.0)).unwrap());
    }

    #[test]
    fn b08_numbers_that_json_does_not_have_are_refused_wherever_they_stand() {
        fn refused<T: Serialize>(value: T) {
            let error = to_vec(&value).unwrap_err();
            assert_eq!(error.kind(), Kind::Builder);
            let text = error.to_string();
            assert!(
                text.starts_with("the JSON body cannot be written: "),
                "{text}"
            );
            assert!(text.contains("NaN") || text.contains("inf"), "{text}");
        }
        for number in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
            refused(number);
            refused(number as f32);
            refused(Some(number));
            refused([1.0, number]);
            refused((1, number));
            refused(BTreeMap::from([("a", number)]));
            refused(vec![vec![number]]);
            refused(all(number));
            refused(Choice::New(number));
            refused(Choice::Pair(1, number));
            refused(std::num::Wrapping(number));
        }
    }

    #[test]
    fn what_serde_json_has_of_its_own_passes_through() {
        let value: serde_json::Value = serde_json::from_str(r#"{"n":1.5,"l":[null,-7]}"#).unwrap();
        assert_eq!(to_vec(&value).unwrap(), serde_json::to_vec(&value).unwrap());
        let failing = BTreeMap::from([(vec![1_u8], 1)]);
        assert_eq!(to_vec(&failing).unwrap_err().kind(), Kind::Builder);
    }
}
