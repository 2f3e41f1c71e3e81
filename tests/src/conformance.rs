//! `docs/CONFORMANCE.md` against the specification and the tests: every row of the tables that are
//! named here stands there, with a test that exists or with words that say why there is none.

use crate::source::Tests;
use std::collections::{BTreeMap, BTreeSet};

/// The sections of BEHAVIOUR that are listed whole. 30 is the quirk register, whose rows are called
/// `Q` and the section that they are about.
pub const SECTIONS: [u32; 19] = [
    2, 6, 7, 8, 10, 11, 12, 14, 15, 16, 17, 18, 19, 20, 21, 25, 26, 28, 30,
];

/// The tables of SECURITY that are listed whole.
pub const TABLES: [char; 10] = ['R', 'C', 'A', 'I', 'D', 'F', 'H', 'K', 'T', 'X'];

/// What a row without a test may begin with.
pub const REASONS: [&str; 3] = ["differs: ", "not built: ", "by type: "];

/// A line of the list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// Where it stands, from 1.
    pub line: usize,
    /// The row or the section of the specification.
    pub id: String,
    /// The rule, in a few words.
    pub rule: String,
    /// Tests in backticks, and words.
    pub held_by: String,
}

impl Row {
    /// The tests that it names.
    pub fn tests(&self) -> impl Iterator<Item = &str> {
        let quoted = self.held_by.split('`').skip(1).step_by(2);
        quoted.filter(|text| text.contains("::"))
    }

    /// Whether it says in words why there is no test, or why it holds otherwise.
    fn has_reason(&self) -> bool {
        REASONS.iter().any(|reason| {
            let Some((_, words)) = self.held_by.split_once(reason) else {
                return false;
            };
            match *reason {
                "differs: " => words.contains("because "),
                "not built: " => words.contains("issue "),
                _ => words.len() >= 10,
            }
        })
    }
}

/// The rows of the list: lines of a table with three cells whose first is the id of something.
pub fn rows(list: &str) -> Vec<Row> {
    let row = |(at, line): (usize, &str)| {
        let cells: Vec<&str> = cells(line)?;
        let [id, rule, held_by] = cells[..] else {
            return None;
        };
        let is_id = id.bytes().any(|byte| byte.is_ascii_digit());
        is_id.then(|| Row {
            line: at + 1,
            id: id.to_owned(),
            rule: rule.to_owned(),
            held_by: held_by.to_owned(),
        })
    };
    list.lines().enumerate().filter_map(row).collect()
}

fn cells(line: &str) -> Option<Vec<&str>> {
    let inner = line.trim().strip_prefix('|')?.strip_suffix('|')?;
    Some(inner.split('|').map(str::trim).collect())
}

/// Every id of the two documents, and how many lines the list has to have for it at least: none for
/// what is not listed whole.
pub fn ids(behaviour: &str, security: &str) -> BTreeMap<String, usize> {
    let mut ids = BTreeMap::new();
    for line in security.lines() {
        let id = cells(line).and_then(|cells| cells.first().copied());
        if let Some(id) = id
            && let Some((letter, "")) = id_at_start(id)
        {
            let whole = TABLES.iter().any(|table| letter.starts_with(*table));
            ids.insert(id.to_owned(), usize::from(whole));
        }
    }
    sections(behaviour, &mut ids);
    ids
}

/// A letter and a number in front of a text, and what comes behind them.
fn id_at_start(text: &str) -> Option<(&str, &str)> {
    let digits = text.get(1..)?;
    let rest = digits.trim_start_matches(|c: char| c.is_ascii_digit());
    let starts = text.starts_with(|c: char| c.is_ascii_alphabetic());
    let length = text.len() - rest.len();
    (starts && length > 1).then(|| text.split_at(length))
}

/// Of a section one line for each row of its tables and each item of its lists, and one at least if it
/// says anything.
fn sections(behaviour: &str, ids: &mut BTreeMap<String, usize>) {
    let mut id = String::new();
    let mut whole = false;
    let mut lines_of_table = 0;
    for line in behaviour.lines() {
        lines_of_table = if line.starts_with('|') {
            lines_of_table + 1
        } else {
            0
        };
        if let Some(heading) = line.strip_prefix("##") {
            let number = heading.trim_start_matches('#').split_whitespace().next();
            let number = number.unwrap_or_default().trim_end_matches('.');
            id = number.to_owned();
            let section = number.split('.').next().and_then(|it| it.parse().ok());
            whole = section.is_some_and(|section| SECTIONS.contains(&section));
            ids.insert(id.clone(), 0);
            continue;
        }
        if !whole || line.trim().is_empty() || line.starts_with("---") {
            continue;
        }
        let numbered = line.split_once(". ").map(|(number, _)| number);
        let is_item = line.starts_with("- ")
            || numbered.is_some_and(|it| it.bytes().all(|byte| byte.is_ascii_digit()));
        // The first two lines of a table are its head.
        let is_rule = is_item || lines_of_table > 2;
        if id == "30" {
            let about = cells(line).and_then(|cells| cells.first()?.split(' ').next());
            if let (Some(about), true) = (about, is_rule) {
                *ids.entry(format!("Q{about}")).or_default() += 1;
            }
            continue;
        }
        let least = ids.entry(id.clone()).or_default();
        // A sentence before the first rule counts as one, together with all that follow.
        *least = (*least).max(1);
        let rules = ids.entry(format!("#{id}")).or_default();
        *rules += usize::from(is_rule);
        let rules = *rules;
        ids.entry(id.clone())
            .and_modify(|least| *least = (*least).max(rules));
    }
    ids.retain(|id, _| !id.starts_with('#') && !id.is_empty());
}

/// The rows that a test claims by its name: `r01_`, `b15_2_`, `i04_i05_`. None for other names; an id
/// that does not exist is given as it is.
pub fn claims(test: &str, ids: &BTreeMap<String, usize>) -> Vec<String> {
    let mut claims = Vec::new();
    let mut words = test.split('_').peekable();
    while let Some(word) = words.next() {
        let Some((id, "")) = id_at_start(word) else {
            break;
        };
        let number = id[1..].trim_start_matches('0');
        if id.starts_with('b') {
            let mut section = number.to_owned();
            if let Some(next) = words.peek() {
                let inner = format!("{number}.{next}");
                if ids.contains_key(&inner) {
                    section = inner;
                    words.next();
                }
            }
            if ids.get(&section).is_some_and(|least| *least == 0) {
                continue;
            }
            claims.push(section);
        } else {
            let letter = id[..1].to_ascii_uppercase();
            if TABLES.iter().any(|table| letter.starts_with(*table)) {
                claims.push(format!("{letter}{number}"));
            }
        }
    }
    claims
}

/// Everything that is wrong with the list. `tests` has the tests of each file, under its name.
pub fn check(
    list: &str,
    ids: &BTreeMap<String, usize>,
    tests: &BTreeMap<String, Tests>,
) -> Vec<String> {
    let rows = rows(list);
    let mut found = Vec::new();
    for (id, least) in ids {
        let lines = rows.iter().filter(|row| row.id == *id).count();
        if lines < *least {
            found.push(format!("{id} has {lines} of {least} lines"));
        }
    }
    let mut listed: BTreeSet<(&str, &str)> = BTreeSet::new();
    for row in &rows {
        let place = format!("line {}, {}", row.line, row.id);
        if !ids.contains_key(&row.id) {
            found.push(format!("{place}: no such row or section"));
        }
        if row.rule.is_empty() {
            found.push(format!("{place}: no rule"));
        }
        if row.tests().next().is_none() && !row.has_reason() {
            found.push(format!("{place}: neither a test nor a reason"));
        }
        for name in row.tests() {
            listed.insert((&row.id, name));
            if let Some(problem) = problem_of(name, tests) {
                found.push(format!("{place}: {name} {problem}"));
            }
        }
    }
    for (file, tests) in tests {
        for test in &tests.run {
            let name = format!("{file}::{test}");
            for id in claims(test, ids) {
                if !listed.contains(&(&id, &name)) {
                    found.push(format!("{name} is not listed at {id}"));
                }
            }
        }
    }
    found
}

fn problem_of(name: &str, tests: &BTreeMap<String, Tests>) -> Option<&'static str> {
    let Some((file, test)) = name.rsplit_once("::") else {
        return Some("is no name of a test");
    };
    let Some(tests) = tests.get(file) else {
        return Some("is in a file that does not exist, or belongs to no crate");
    };
    let is = |name: &String| name == test;
    match (tests.run.iter().any(is), tests.ignored.iter().any(is)) {
        (true, _) => None,
        (false, true) => Some("is ignored"),
        (false, false) => Some("does not exist"),
    }
}
