//! Parses every URL of a file N times, or joins or merges references with it, to be counted under
//! valgrind: the difference of two counts, divided by that of what was done, is what one costs.
//!
//! ```sh
//! cargo build --release -p nuncio-url --example instructions
//! for n in 1 11; do
//!     valgrind --tool=callgrind --callgrind-out-file=callgrind.out.$n \
//!         target/release/examples/instructions parse benches/url-corpus.txt $n
//! done
//! ```

use std::hint::black_box;

use nuncio_url::{Url, merge_base};

/// What a page links to.
const REFERENCES: [&str; 8] = [
    "next",
    "/a/b/c",
    "../up/one",
    "?page=2",
    "#top",
    "./x/y.html?z=1",
    "//cdn.example/lib.js",
    "a/b/../c d",
];

fn main() {
    let mut arguments = std::env::args().skip(1);
    let (Some(what), Some(file), Some(times)) =
        (arguments.next(), arguments.next(), arguments.next())
    else {
        eprintln!("usage: instructions parse|join|merge FILE TIMES");
        return;
    };
    let text = std::fs::read_to_string(&file).expect("the file is readable");
    let lines: Vec<&str> = text.lines().collect();
    let times: usize = times.parse().expect("a number");
    let bases: Vec<Url> = lines
        .iter()
        .filter_map(|line| Url::parse(line).ok())
        .filter(|url| url.is_special())
        .collect();
    let mut done = 0_usize;
    for _ in 0..times {
        if what == "merge" {
            for base in &bases {
                for reference in REFERENCES {
                    done += usize::from(black_box(merge_base(base, black_box(reference))).is_ok());
                }
            }
        } else if what == "join" {
            for base in &bases {
                for reference in REFERENCES {
                    done += usize::from(black_box(base.join(black_box(reference))).is_ok());
                }
            }
        } else {
            for line in &lines {
                done += usize::from(black_box(Url::parse(black_box(line))).is_ok());
            }
        }
    }
    println!("{what}: {done} done");
}
