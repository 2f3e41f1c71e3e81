//! A Rust source file as the facts that the rules ask for: what it names, calls and invokes, outside
//! of its tests. The compiler's own lexer (by way of `proc-macro2`) reads it, so that comments, strings,
//! and doc examples do not count.

use proc_macro2::{Delimiter, TokenStream, TokenTree};

/// What a file says, with the line of each.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Facts {
    /// Every path, its segments in order; each import is one path, `use a::{b, c}` is two.
    pub paths: Vec<(usize, Vec<String>)>,
    /// The names of methods called: `unwrap` for `x.unwrap()`.
    pub methods: Vec<(usize, String)>,
    /// The names of macros invoked: `panic` for `panic!()`.
    pub macros: Vec<(usize, String)>,
    /// The lines with the keyword `unsafe`.
    pub unsafes: Vec<usize>,
    /// Modules in files of their own that exist for tests only: `#[cfg(test)] mod name;`.
    pub test_modules: Vec<String>,
}

/// Reads a file. Items under `#[cfg(test)]` and `#[test]` are left out.
///
/// # Errors
///
/// Says where the text is not Rust.
pub fn read(text: &str) -> Result<Facts, String> {
    let stream: TokenStream = text.parse().map_err(|error| format!("{error}"))?;
    let mut facts = Facts::default();
    let mut tokens = Vec::new();
    flatten(stream, &mut tokens, &mut facts.test_modules);
    collect(&tokens, &mut facts);
    Ok(facts)
}

/// The tests of a file, and the modules that it has in files of their own.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Tests {
    /// Functions under `#[test]`, and scenarios in `behaviour!` and `async_behaviour!`.
    pub run: Vec<String>,
    /// The same under `#[ignore]`.
    pub ignored: Vec<String>,
    /// Every `mod name;`.
    pub modules: Vec<String>,
}

/// Finds the tests of a file.
///
/// # Errors
///
/// Says where the text is not Rust.
pub fn tests(text: &str) -> Result<Tests, String> {
    let stream: TokenStream = text.parse().map_err(|error| format!("{error}"))?;
    let mut tests = Tests::default();
    find_tests(stream, false, &mut tests);
    Ok(tests)
}

fn find_tests(stream: TokenStream, scenarios: bool, out: &mut Tests) {
    let trees: Vec<TokenTree> = stream.into_iter().collect();
    let (mut is_test, mut is_ignored) = (scenarios, false);
    let mut at = 0;
    while let Some(tree) = trees.get(at) {
        if let Some((content, _, length)) = attribute(&trees[at..]) {
            let first = content.into_iter().next().map(|it| it.to_string());
            is_test |= first.as_deref() == Some("test");
            is_ignored |= first.as_deref() == Some("ignore");
            at += length;
            continue;
        }
        let name = match (tree, trees.get(at + 1)) {
            (TokenTree::Ident(name), _) if scenarios => Some(name),
            (TokenTree::Ident(word), Some(TokenTree::Ident(name))) if word == "fn" => Some(name),
            _ => None,
        };
        if let (Some(name), true) = (name, is_test) {
            let found = if is_ignored {
                &mut out.ignored
            } else {
                &mut out.run
            };
            found.push(name.to_string());
        }
        out.modules
            .extend(trees.get(at..at + 3).and_then(module_name));
        let ends = match tree {
            TokenTree::Group(group) => {
                let before = trees[..at].iter().rev().take(2).map(ToString::to_string);
                let before: Vec<_> = before.collect();
                let invoked = before == ["!", "behaviour"] || before == ["!", "async_behaviour"];
                find_tests(group.stream(), invoked, out);
                group.delimiter() == Delimiter::Brace
            }
            TokenTree::Punct(mark) => [';', ','].contains(&mark.as_char()),
            _ => false,
        };
        if ends {
            (is_test, is_ignored) = (scenarios, false);
        }
        at += 1;
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Token {
    Word(usize, String),
    Mark(char),
    Open(char),
    Close,
    Literal,
}

/// Lays the trees out flat, without test items.
fn flatten(stream: TokenStream, out: &mut Vec<Token>, test_modules: &mut Vec<String>) {
    let trees: Vec<TokenTree> = stream.into_iter().collect();
    let mut at = 0;
    while let Some(tree) = trees.get(at) {
        if let Some((inner, length)) = test_attribute(&trees[at..]) {
            if inner {
                return;
            }
            let item = at + length;
            at = item + item_length(&trees[item..]);
            test_modules.extend(module_name(&trees[item..at]));
            continue;
        }
        match tree {
            TokenTree::Ident(word) => {
                out.push(Token::Word(word.span().start().line, word.to_string()));
            }
            TokenTree::Punct(mark) => out.push(Token::Mark(mark.as_char())),
            TokenTree::Literal(_) => out.push(Token::Literal),
            TokenTree::Group(group) => {
                let open = match group.delimiter() {
                    Delimiter::Parenthesis => '(',
                    Delimiter::Brace => '{',
                    Delimiter::Bracket => '[',
                    Delimiter::None => ' ',
                };
                out.push(Token::Open(open));
                flatten(group.stream(), out, test_modules);
                out.push(Token::Close);
            }
        }
        at += 1;
    }
}

/// Whether an attribute stands here that takes what follows out of ordinary builds; if so, whether it
/// is an inner one (`#![…]`), and how many trees it is long.
fn test_attribute(trees: &[TokenTree]) -> Option<(bool, usize)> {
    let (content, inner, length) = attribute(trees)?;
    let content: Vec<TokenTree> = content.into_iter().collect();
    let test_only = match &content[..] {
        [TokenTree::Ident(word)] => word == "test",
        [TokenTree::Ident(word), TokenTree::Group(group)] if word == "cfg" => {
            implies_test(group.stream())
        }
        _ => false,
    };
    test_only.then_some((inner, length))
}

fn attribute(trees: &[TokenTree]) -> Option<(TokenStream, bool, usize)> {
    let is =
        |at: usize, mark| matches!(trees.get(at), Some(TokenTree::Punct(p)) if p.as_char() == mark);
    let inner = is(1, '!');
    match trees.get(1 + usize::from(inner)) {
        Some(TokenTree::Group(group)) if is(0, '#') && group.delimiter() == Delimiter::Bracket => {
            Some((group.stream(), inner, 2 + usize::from(inner)))
        }
        _ => None,
    }
}

/// Whether a `cfg` predicate holds in tests only: `test`, or `all(…)` with such a part.
fn implies_test(predicate: TokenStream) -> bool {
    let trees: Vec<TokenTree> = predicate.into_iter().collect();
    match &trees[..] {
        [TokenTree::Ident(word)] => word == "test",
        [TokenTree::Ident(word), TokenTree::Group(group)] if word == "all" => {
            let parts: Vec<TokenTree> = group.stream().into_iter().collect();
            let comma =
                |tree: &TokenTree| matches!(tree, TokenTree::Punct(p) if p.as_char() == ',');
            parts
                .split(comma)
                .any(|part| implies_test(part.iter().cloned().collect()))
        }
        _ => false,
    }
}

/// How many trees the item, field or statement takes that starts here, its attributes included.
fn item_length(trees: &[TokenTree]) -> usize {
    let mut at = 0;
    while let Some((_, _, length)) = attribute(&trees[at..]) {
        at += length;
    }
    let mut imports = false;
    let mut item = false;
    for tree in &trees[at..] {
        at += 1;
        match tree {
            TokenTree::Ident(word) => {
                let word = word.to_string();
                imports |= word == "use";
                item |= ITEM_WORDS.contains(&word.as_str());
            }
            TokenTree::Punct(mark) if mark.as_char() == ';' => break,
            // A field, a variant or a match arm ends at its comma; a function's generics do not end it.
            TokenTree::Punct(mark) if mark.as_char() == ',' && !item => break,
            TokenTree::Group(group) if group.delimiter() == Delimiter::Brace && !imports => break,
            _ => {}
        }
    }
    at
}

const ITEM_WORDS: [&str; 14] = [
    "fn",
    "mod",
    "use",
    "struct",
    "enum",
    "union",
    "impl",
    "trait",
    "const",
    "static",
    "type",
    "extern",
    "let",
    "macro_rules",
];

/// The name of a module in a file of its own (`mod name;`).
fn module_name(item: &[TokenTree]) -> Option<String> {
    match item {
        [
            ..,
            TokenTree::Ident(word),
            TokenTree::Ident(name),
            TokenTree::Punct(end),
        ] if word == "mod" && end.as_char() == ';' => Some(name.to_string()),
        _ => None,
    }
}

fn collect(tokens: &[Token], facts: &mut Facts) {
    let mut at = 0;
    while let Some(token) = tokens.get(at) {
        let Token::Word(line, word) = token else {
            at += 1;
            continue;
        };
        let after_dot = at > 0 && tokens[at - 1] == Token::Mark('.');
        match (word.as_str(), tokens.get(at + 1)) {
            ("use", _) => {
                at += 1 + import(&tokens[at + 1..], &mut Vec::new(), &mut facts.paths);
                continue;
            }
            ("unsafe", _) => facts.unsafes.push(*line),
            (_, Some(Token::Mark('!'))) if tokens.get(at + 2) != Some(&Token::Mark('=')) => {
                facts.macros.push((*line, word.clone()));
            }
            (_, Some(Token::Open('('))) if after_dot => facts.methods.push((*line, word.clone())),
            _ => {}
        }
        let mut path = vec![word.clone()];
        at += 1;
        while let [Token::Mark(':'), Token::Mark(':'), Token::Word(_, next), ..] = &tokens[at..] {
            path.push(next.clone());
            at += 3;
        }
        // The last segment of a macro's path is the macro: `std::panic!()`.
        if path.len() > 1 && tokens.get(at) == Some(&Token::Mark('!')) {
            facts
                .macros
                .extend(path.last().map(|name| (*line, name.clone())));
        }
        facts.paths.push((*line, path));
    }
}

/// Spells out one import tree; returns how many tokens it takes.
fn import(
    tokens: &[Token],
    prefix: &mut Vec<String>,
    paths: &mut Vec<(usize, Vec<String>)>,
) -> usize {
    let depth = prefix.len();
    let mut first_line = None;
    let mut at = 0;
    let mut spelt_out = false;
    while let Some(token) = tokens.get(at) {
        match token {
            Token::Word(_, word) if word == "as" => at += 1,
            Token::Word(line, word) => {
                first_line.get_or_insert(*line);
                prefix.push(word.clone());
            }
            Token::Open('{') => {
                at += 1;
                while tokens.get(at).is_some_and(|token| *token != Token::Close) {
                    at += import(&tokens[at..], prefix, paths);
                    at += usize::from(tokens.get(at) == Some(&Token::Mark(',')));
                }
                spelt_out = true;
            }
            Token::Mark(':' | '*') => {}
            _ => break,
        }
        at += 1;
    }
    if let (Some(line), false) = (first_line, spelt_out) {
        paths.push((line, prefix.clone()));
    }
    prefix.truncate(depth);
    // Whatever stands here, the caller must get on.
    at.max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn paths(text: &str) -> Vec<String> {
        read(text)
            .unwrap()
            .paths
            .into_iter()
            .map(|(_, path)| path.join("::"))
            .collect()
    }

    #[test]
    fn imports_are_spelt_out() {
        assert_eq!(
            paths("use std::{fs, io::{self, Read as R}, net::*}; pub(crate) use a::b;"),
            [
                "std::fs",
                "std::io::self",
                "std::io::Read",
                "std::net",
                "pub",
                "crate",
                "a::b"
            ],
        );
    }

    #[test]
    fn tests_comments_strings_and_docs_do_not_count() {
        let text = r##"
            //! unsafe { Instant::now() }
            /// x.unwrap()
            fn a() { /* panic!() */ let _ = "todo!()"; let _ = r#"unsafe"#; }
            #[cfg(test)] use std::{fs, env};
            #[cfg(test)]
            #[allow(dead_code)]
            pub(crate) fn b<A, B>(x: Option<u8>) -> [u8; 2] { x.unwrap() }
            struct S { #[cfg(test)] seen: Vec<std::fs::File>, kept: kept::Kept }
            #[cfg(all(test, feature = "x"))] mod outside;
            #[test] fn c() { panic!() }
            #[cfg(test)] const D: std::fs::E = std::fs::E {};
            #[cfg(test)]
            mod tests { fn d() { unsafe { e() } } }
            fn last() { last::path() }
        "##;
        let facts = read(text).unwrap();
        assert_eq!(
            (facts.unsafes, facts.methods, facts.macros),
            (vec![], vec![], vec![])
        );
        assert_eq!(facts.test_modules, ["outside"]);
        let paths = paths(text).join(" ");
        assert!(
            paths.contains("kept::Kept") && paths.contains("last::path"),
            "{paths}"
        );
        assert!(!paths.contains("fs") && !paths.contains("env"), "{paths}");
    }

    #[test]
    fn what_is_not_for_tests_only_counts() {
        let text = "
            #[cfg(not(test))] fn a() { x.unwrap() }
            #[cfg(any(test, feature = \"y\"))] fn b() { panic!() }
            #[cfg_attr(test, derive(Debug))] struct C;
            unsafe fn d() { std::process::abort!(); if x != y {} }
        ";
        let facts = read(text).unwrap();
        assert_eq!(facts.methods, [(2, "unwrap".to_owned())]);
        assert_eq!(
            facts.macros,
            [(3, "panic".to_owned()), (5, "abort".to_owned())]
        );
        assert_eq!(facts.unsafes, [5]);
        assert!(
            read("#![cfg(test)] fn a() { panic!() }")
                .unwrap()
                .macros
                .is_empty()
        );
        assert!(read("fn a( {").is_err());
    }

    #[test]
    fn tests_are_found_wherever_they_stand() {
        let text = "
            //! #[test] fn no() {}
            mod outside;
            behaviour!(first, #[ignore] second);
            async_behaviour!(#[cfg(unix)] third);
            fn first<A: Adapter>(adapter: &A) { helper(); }
            #[test] #[ignore = \"slow\"] fn fourth() {}
            #[cfg(test)] mod tests { #[allow(x)] #[test] async fn fifth() { let a = [1; 2]; } fn no() {} }
            #[rstest] fn no() {}
        ";
        let found = tests(text).unwrap();
        assert_eq!(found.run, ["first", "third", "fifth"]);
        assert_eq!(found.ignored, ["second", "fourth"]);
        assert_eq!(found.modules, ["outside"]);
    }
}
