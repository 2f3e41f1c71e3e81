//! Query parameters: an immutable, ordered map from names to lists of values.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::hash::{Hash, Hasher};

use crate::error::ParseError;
use crate::form;
use crate::percent::Set;
use crate::record::Url;

/// The parameters of a query, or of a form.
///
/// Names keep the order in which they came first; the values of one name stand together:
/// `a=1&b=2&a=3` prints as `a=1&a=3&b=2`. Methods that change something return new parameters.
///
/// Two are equal when they hold the same pairs, in whatever order.
///
/// ```
/// use nuncio_url::QueryParams;
/// let params = QueryParams::from([("page", 2)]).with_added("tag", "a b").with_set("page", 3);
/// assert_eq!(params.to_string(), "page=3&tag=a+b");
/// assert_eq!(params.first("tag"), Some("a b"));
/// ```
#[derive(Clone, Debug, Default)]
pub struct QueryParams {
    entries: Vec<Entry>,
}

#[derive(Clone, Debug)]
struct Entry {
    name: String,
    values: Vec<String>,
}

impl QueryParams {
    /// No parameters.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            entries: Vec::new(),
        }
    }

    /// Parses a query without its `?` (a leading `?` would be data), as [`form::parse`] does.
    #[must_use]
    pub fn parse(query: &str) -> Self {
        form::parse(query.as_bytes())
            .map(|(name, value)| (name.into_owned(), value.into_owned()))
            .collect()
    }

    /// Parameters from names with lists of values. A name with an empty list is a key without
    /// values: [`contains`](Self::contains) knows it, the text does not show it.
    #[must_use]
    pub fn from_lists<'v, N, L, V>(lists: impl IntoIterator<Item = (N, L)>) -> Self
    where
        N: Into<String>,
        L: IntoIterator<Item = V>,
        V: Into<ParamValue<'v>>,
    {
        let texts = |values: L| -> Vec<String> {
            values
                .into_iter()
                .map(|value| value.into().into_string())
                .collect()
        };
        let lists = lists
            .into_iter()
            .map(|(name, values)| (name.into(), texts(values)));
        group(lists.collect(), |known, more| known.extend(more))
    }

    /// The first value of `name`.
    #[must_use]
    pub fn first(&self, name: &str) -> Option<&str> {
        self.all(name).next()
    }

    /// Every value of `name`, in order.
    pub fn all<'s>(&'s self, name: &str) -> impl Iterator<Item = &'s str> + use<'s> {
        let entry = self.entries.iter().find(|entry| entry.name == name);
        entry
            .into_iter()
            .flat_map(|entry| entry.values.iter().map(String::as_str))
    }

    /// Whether `name` is there, perhaps without values.
    #[must_use]
    pub fn contains(&self, name: &str) -> bool {
        self.entries.iter().any(|entry| entry.name == name)
    }

    /// The number of different names.
    #[must_use]
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there are no names.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Every name once.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.entries.iter().map(|entry| entry.name.as_str())
    }

    /// Every name that has values, with the first of them.
    pub fn firsts(&self) -> impl Iterator<Item = (&str, &str)> {
        self.entries
            .iter()
            .filter_map(|entry| Some((entry.name.as_str(), entry.values.first()?.as_str())))
    }

    /// Every pair, grouped by name.
    pub fn pairs(&self) -> impl Iterator<Item = (&str, &str)> {
        self.entries.iter().flat_map(|entry| {
            entry
                .values
                .iter()
                .map(|value| (entry.name.as_str(), value.as_str()))
        })
    }

    /// With `value` as the only value of `name`, in the place of its old ones or at the end.
    #[must_use]
    pub fn with_set<'v>(&self, name: &str, value: impl Into<ParamValue<'v>>) -> Self {
        let value = value.into().into_string();
        self.edited(name, |values| *values = vec![value])
    }

    /// With `value` behind the values of `name`.
    #[must_use]
    pub fn with_added<'v>(&self, name: &str, value: impl Into<ParamValue<'v>>) -> Self {
        let value = value.into().into_string();
        self.edited(name, |values| values.push(value))
    }

    /// Without `name`.
    #[must_use]
    pub fn with_removed(&self, name: &str) -> Self {
        let entries = self.entries.iter().filter(|entry| entry.name != name);
        Self {
            entries: entries.cloned().collect(),
        }
    }

    /// With the names in `other` replaced as a whole by its values, in place; new ones at the end.
    #[must_use]
    pub fn merged(&self, other: impl Into<Self>) -> Self {
        let entries = self.entries.iter().cloned().chain(other.into().entries);
        let lists = entries.map(|entry| (entry.name, entry.values));
        group(lists.collect(), |known, more| *known = more)
    }

    fn edited(&self, name: &str, edit: impl FnOnce(&mut Vec<String>)) -> Self {
        let mut params = self.clone();
        match params.entries.iter_mut().find(|entry| entry.name == name) {
            Some(entry) => edit(&mut entry.values),
            None => {
                let mut entry = Entry {
                    name: name.to_owned(),
                    values: Vec::new(),
                };
                edit(&mut entry.values);
                params.entries.push(entry);
            }
        }
        params
    }

    fn sorted_pairs(&self) -> Vec<(&str, &str)> {
        let mut pairs: Vec<_> = self.pairs().collect();
        pairs.sort_unstable();
        pairs
    }
}

/// Each of these parses the query, edits it and writes the WHOLE query again: `?a` becomes `?a=`,
/// `%20` becomes `+`, equal names are grouped. Without parameters there is no query.
impl Url {
    /// This URL with `value` as the only value of `name`.
    ///
    /// # Errors
    ///
    /// [`ParseError::TooLong`] only, as for the next three.
    pub fn with_param_set<'v>(
        &self,
        name: &str,
        value: impl Into<ParamValue<'v>>,
    ) -> Result<Self, ParseError> {
        self.with_params(&self.params().with_set(name, value))
    }

    /// This URL with `value` behind the values of `name`.
    ///
    /// # Errors
    ///
    /// [`ParseError::TooLong`] only.
    pub fn with_param_added<'v>(
        &self,
        name: &str,
        value: impl Into<ParamValue<'v>>,
    ) -> Result<Self, ParseError> {
        self.with_params(&self.params().with_added(name, value))
    }

    /// This URL without the parameter `name`.
    ///
    /// # Errors
    ///
    /// [`ParseError::TooLong`] only.
    pub fn with_param_removed(&self, name: &str) -> Result<Self, ParseError> {
        self.with_params(&self.params().with_removed(name))
    }

    /// This URL with the names in `params` replaced by its values; the others stay.
    ///
    /// # Errors
    ///
    /// [`ParseError::TooLong`] only.
    pub fn with_params_merged(&self, params: impl Into<QueryParams>) -> Result<Self, ParseError> {
        self.with_params(&self.params().merged(params))
    }

    /// This URL with these parameters as its query, and no others.
    ///
    /// # Errors
    ///
    /// [`ParseError::TooLong`] only.
    pub fn with_params(&self, params: &QueryParams) -> Result<Self, ParseError> {
        let mut url = self.clone();
        url.set_search(&params.to_string())?;
        Ok(url)
    }
}

/// The text that goes on the wire, without a `?`. RFC 3986's unreserved characters stay, a space is
/// `+`, all else is percent-encoded.
impl fmt::Display for QueryParams {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut out = String::new();
        for (name, value) in self.pairs() {
            form::push_pair(&mut out, name, value, Set::ALL_BUT_UNRESERVED);
        }
        f.write_str(&out)
    }
}

impl PartialEq for QueryParams {
    fn eq(&self, other: &Self) -> bool {
        self.sorted_pairs() == other.sorted_pairs()
    }
}

impl Eq for QueryParams {}

impl Hash for QueryParams {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.sorted_pairs().hash(state);
    }
}

/// For every name, the place of its entry, and how many entries there are. Long lists are hashed, so
/// that a million names cost no more than a million steps.
fn places<'n>(names: impl ExactSizeIterator<Item = &'n str>) -> Vec<usize> {
    /// Up to here a linear search is faster than hashing.
    const UNHASHED: usize = 16;
    if names.len() <= UNHASHED {
        let mut seen: Vec<&str> = Vec::with_capacity(names.len());
        return names
            .map(|name| {
                seen.iter()
                    .position(|known| *known == name)
                    .unwrap_or_else(|| {
                        seen.push(name);
                        seen.len() - 1
                    })
            })
            .collect();
    }
    let mut seen: HashMap<&str, usize> = HashMap::with_capacity(names.len());
    names
        .map(|name| {
            let next = seen.len();
            *seen.entry(name).or_insert(next)
        })
        .collect()
}

/// Puts the values of equal names together; `put` adds to, or replaces, what a name has so far.
fn group<V>(pairs: Vec<(String, V)>, put: impl Fn(&mut Vec<String>, V)) -> QueryParams {
    let places = places(pairs.iter().map(|(name, _)| name.as_str()));
    let mut entries: Vec<Entry> = Vec::new();
    for ((name, value), place) in pairs.into_iter().zip(places) {
        match entries.get_mut(place) {
            Some(known) => put(&mut known.values, value),
            None => {
                let mut values = Vec::new();
                put(&mut values, value);
                entries.push(Entry { name, values });
            }
        }
    }
    QueryParams { entries }
}

impl<'v, N: Into<String>, V: Into<ParamValue<'v>>> FromIterator<(N, V)> for QueryParams {
    fn from_iter<I: IntoIterator<Item = (N, V)>>(pairs: I) -> Self {
        let texts = |(name, value): (N, V)| (name.into(), value.into().into_string());
        group(pairs.into_iter().map(texts).collect(), Vec::push)
    }
}

/// Parses a query: see [`QueryParams::parse`].
impl From<&str> for QueryParams {
    fn from(query: &str) -> Self {
        Self::parse(query)
    }
}

/// Parses a query: see [`QueryParams::parse`].
impl From<String> for QueryParams {
    fn from(query: String) -> Self {
        Self::parse(&query)
    }
}

/// No parameters.
impl From<()> for QueryParams {
    fn from((): ()) -> Self {
        Self::new()
    }
}

impl From<&Self> for QueryParams {
    fn from(params: &Self) -> Self {
        params.clone()
    }
}

impl<'v, N: Into<String>, V: Into<ParamValue<'v>>, const LEN: usize> From<[(N, V); LEN]>
    for QueryParams
{
    fn from(pairs: [(N, V); LEN]) -> Self {
        pairs.into_iter().collect()
    }
}

impl<'v, N: Into<String>, V: Into<ParamValue<'v>>> From<Vec<(N, V)>> for QueryParams {
    fn from(pairs: Vec<(N, V)>) -> Self {
        pairs.into_iter().collect()
    }
}

impl<'v, N: Into<String> + Clone, V: Into<ParamValue<'v>> + Clone> From<&[(N, V)]> for QueryParams {
    fn from(pairs: &[(N, V)]) -> Self {
        pairs.iter().cloned().collect()
    }
}

impl<'v, N: Into<String> + Clone, V: Into<ParamValue<'v>> + Clone, const LEN: usize>
    From<&[(N, V); LEN]> for QueryParams
{
    fn from(pairs: &[(N, V); LEN]) -> Self {
        pairs.iter().cloned().collect()
    }
}

impl<'v, N: Into<String>, V: Into<ParamValue<'v>>> From<BTreeMap<N, V>> for QueryParams {
    fn from(map: BTreeMap<N, V>) -> Self {
        map.into_iter().collect()
    }
}

impl<'v, N: Into<String>, V: Into<ParamValue<'v>>, S> From<HashMap<N, V, S>> for QueryParams {
    fn from(map: HashMap<N, V, S>) -> Self {
        map.into_iter().collect()
    }
}

/// A value as text: text itself, numbers as they print, `true` and `false`, `None` as nothing.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ParamValue<'a>(Cow<'a, str>);

impl ParamValue<'_> {
    /// The text.
    #[must_use]
    pub fn into_string(self) -> String {
        self.0.into_owned()
    }
}

impl<'a> From<&'a str> for ParamValue<'a> {
    fn from(value: &'a str) -> Self {
        Self(Cow::Borrowed(value))
    }
}

impl<'a> From<&'a String> for ParamValue<'a> {
    fn from(value: &'a String) -> Self {
        Self(Cow::Borrowed(value))
    }
}

impl From<String> for ParamValue<'_> {
    fn from(value: String) -> Self {
        Self(Cow::Owned(value))
    }
}

impl<'a> From<Cow<'a, str>> for ParamValue<'a> {
    fn from(value: Cow<'a, str>) -> Self {
        Self(value)
    }
}

impl<'a, T: Into<ParamValue<'a>>> From<Option<T>> for ParamValue<'a> {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self(Cow::Borrowed("")), Into::into)
    }
}

macro_rules! values_that_print {
    ($($kind:ty)*) => {$(
        impl From<$kind> for ParamValue<'_> {
            fn from(value: $kind) -> Self {
                Self(Cow::Owned(value.to_string()))
            }
        }
    )*};
}

values_that_print!(bool char i8 i16 i32 i64 i128 isize u8 u16 u32 u64 u128 usize f32 f64);

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn equal_names_are_grouped_where_the_first_one_stood() {
        let params = QueryParams::parse("a=1&b=2&a=3");
        assert_eq!(params.to_string(), "a=1&a=3&b=2");
        assert_eq!(
            (params.len(), params.first("a"), params.first("c")),
            (2, Some("1"), None)
        );
        assert_eq!(params.all("a").collect::<Vec<_>>(), ["1", "3"]);
        assert_eq!(params.names().collect::<Vec<_>>(), ["a", "b"]);
        assert_eq!(
            params.firsts().collect::<Vec<_>>(),
            [("a", "1"), ("b", "2")]
        );
        assert_eq!(params.pairs().count(), 3);
    }

    #[test]
    fn a_query_is_read_as_a_form() {
        let params = QueryParams::parse("?a=1;b&&c&d=%zz+%ff&=e");
        let pairs: Vec<_> = params.pairs().collect();
        assert_eq!(
            pairs,
            [("?a", "1;b"), ("c", ""), ("d", "%zz \u{FFFD}"), ("", "e")]
        );
    }

    #[test]
    fn values_print_as_text() {
        let none: Option<&str> = None;
        let params = QueryParams::new()
            .with_set("bool", true)
            .with_set("none", none)
            .with_set("int", -3)
            .with_set("float", 1.5);
        assert_eq!(params.to_string(), "bool=true&none=&int=-3&float=1.5");
    }

    #[test]
    fn edits_leave_the_original_and_keep_places() {
        let params = QueryParams::parse("a=1&b=2&a=3&c=4");
        assert_eq!(params.with_set("a", 9).to_string(), "a=9&b=2&c=4");
        assert_eq!(params.with_added("b", 9).to_string(), "a=1&a=3&b=2&b=9&c=4");
        assert_eq!(params.with_removed("a").to_string(), "b=2&c=4");
        assert_eq!(
            params
                .merged([("d", "5"), ("b", "6"), ("b", "7")])
                .to_string(),
            "a=1&a=3&b=6&b=7&c=4&d=5"
        );
        assert_eq!(params.to_string(), "a=1&a=3&b=2&c=4");
    }

    #[test]
    fn many_things_become_parameters() {
        let expected = QueryParams::parse("a=1&b=x");
        let pairs = [("a", "1"), ("b", "x")];
        assert_eq!(QueryParams::from(&pairs), expected);
        assert_eq!(QueryParams::from(&pairs[..]), expected);
        assert_eq!(QueryParams::from(Vec::from(pairs)), expected);
        assert_eq!(QueryParams::from(BTreeMap::from(pairs)), expected);
        assert_eq!(QueryParams::from(HashMap::from(pairs)), expected);
        assert_eq!(QueryParams::from("a=1&b=x"), expected);
        assert_eq!(QueryParams::from(String::from("a=1&b=x")), expected);
        assert_eq!(QueryParams::from(&expected), expected);
        assert_eq!(pairs.into_iter().collect::<QueryParams>(), expected);
        assert!(QueryParams::from(()).is_empty());
    }

    #[test]
    fn a_key_without_values_counts_and_does_not_print() {
        let params = QueryParams::from_lists([("a", vec![]), ("b", vec![1, 2])]);
        assert!(params.contains("a") && !params.is_empty());
        assert_eq!(
            (params.first("a"), params.to_string()),
            (None, "b=1&b=2".to_owned())
        );
    }

    #[test]
    fn equality_and_hash_ignore_the_order() {
        let (one, other) = (
            QueryParams::parse("a=1&b=2&a=3"),
            QueryParams::parse("b=2&a=3&a=1"),
        );
        assert_eq!(one, other);
        assert!(HashSet::from([one]).contains(&other));
        assert_ne!(QueryParams::parse("a=1"), QueryParams::parse("a=1&a=1"));
    }

    #[test]
    fn a_url_is_edited_by_parameter() {
        let url = Url::parse("http://h/p?a&b=%20#f").expect("valid");
        assert_eq!(
            url.with_param_set("c", 1),
            Url::parse("http://h/p?a=&b=+&c=1#f")
        );
        assert_eq!(
            url.with_param_added("a", 1),
            Url::parse("http://h/p?a=&a=1&b=+#f")
        );
        assert_eq!(url.with_param_removed("a"), Url::parse("http://h/p?b=+#f"));
        assert_eq!(
            url.with_params_merged([("b", "x")]),
            Url::parse("http://h/p?a=&b=x#f")
        );
        assert_eq!(
            url.with_params(&QueryParams::new()),
            Url::parse("http://h/p#f")
        );
    }
}
