//! `docs/capacity.md` adds up, and its constants are those of the code.

use std::iter::Peekable;
use std::path::Path;
use std::str::CharIndices;

const CAPACITY: &str = include_str!("../../docs/capacity.md");

/// Words and units that multiply a number: the base units are bytes and seconds.
const UNITS: [(&str, f64); 19] = [
    ("thousand", 1e3),
    ("million", 1e6),
    ("billion", 1e9),
    ("B", 1.0),
    ("kB", 1e3),
    ("MB", 1e6),
    ("GB", 1e9),
    ("TB", 1e12),
    ("KiB", 1024.0),
    ("MiB", 1024.0 * 1024.0),
    ("GiB", 1024.0 * 1024.0 * 1024.0),
    ("ms", 1e-3),
    ("s", 1.0),
    ("min", 60.0),
    ("h", 3600.0),
    ("d", 86_400.0),
    ("cores", 1.0),
    ("sessions", 1.0),
    ("statements", 1.0),
];

fn unit(word: &str) -> Option<f64> {
    let found = UNITS.iter().find(|(name, _)| *name == word);
    found.map(|(_, factor)| *factor)
}

/// Reads `1,000 x (20 min + 10 min) / 2 s` from left to right, `x` and `/` before `+` and `-`.
struct Reader<'a> {
    text: &'a str,
    chars: Peekable<CharIndices<'a>>,
}

impl<'a> Reader<'a> {
    fn new(text: &'a str) -> Self {
        let chars = text.char_indices().peekable();
        Reader { text, chars }
    }

    fn peek(&mut self) -> Option<char> {
        while self.chars.next_if(|(_, c)| *c == ' ').is_some() {}
        self.chars.peek().map(|(_, c)| *c)
    }

    fn take_while(&mut self, is_part: impl Fn(char) -> bool) -> &'a str {
        self.peek();
        let end = self.text.len();
        let begin = self.chars.peek().map_or(end, |(at, _)| *at);
        while self.chars.next_if(|(_, c)| is_part(*c)).is_some() {}
        let end = self.chars.peek().map_or(end, |(at, _)| *at);
        &self.text[begin..end]
    }

    fn sum(&mut self) -> f64 {
        let mut sum = self.product();
        while let Some(sign @ ('+' | '-')) = self.peek() {
            self.chars.next();
            let next = self.product();
            sum += if sign == '+' { next } else { -next };
        }
        sum
    }

    fn product(&mut self) -> f64 {
        let mut product = self.value().0;
        while let Some(sign @ ('x' | '/')) = self.peek() {
            self.chars.next();
            let next = self.value().0;
            product *= if sign == 'x' { next } else { 1.0 / next };
        }
        product
    }

    /// A number with its units, and by how much it may be off: half of the last digit that counts.
    fn value(&mut self) -> (f64, f64) {
        if self.peek() == Some('(') {
            self.chars.next();
            let sum = self.sum();
            assert_eq!(
                self.chars.next().map(|(_, c)| c),
                Some(')'),
                "{}",
                self.text
            );
            return (sum, 0.0);
        }
        let digits = self.take_while(|c| c.is_ascii_digit() || ",.".contains(c));
        let digits = digits.replace(',', "");
        let number: f64 = digits
            .parse()
            .unwrap_or_else(|_| panic!("{digits:?}: {}", self.text));
        let last = match digits.split_once('.') {
            Some((_, decimals)) => 0.1_f64.powi(i32::try_from(decimals.len()).unwrap()),
            None => {
                let zeros = digits.len() - digits.trim_end_matches('0').len();
                10_f64.powi(i32::try_from(zeros).unwrap())
            }
        };
        let mut factor = 1.0;
        while let Some(found) = self.peek_unit(0) {
            self.take_while(char::is_alphabetic);
            factor *= found;
        }
        if self.peek() == Some('/')
            && let Some(found) = self.peek_unit(1)
        {
            self.chars.next();
            self.take_while(char::is_alphabetic);
            factor /= found;
        }
        (number * factor, last * factor / 2.0)
    }

    /// The unit that stands directly after so many characters.
    fn peek_unit(&mut self, after: usize) -> Option<f64> {
        self.peek();
        let rest = &self.text[self.chars.peek()?.0 + after..];
        let end = rest.find(|c: char| !c.is_alphabetic());
        unit(&rest[..end.unwrap_or(rest.len())])
    }
}

/// The lines of the indented blocks: what, how, and the result as it is written.
fn lines() -> Vec<(&'static str, &'static str, &'static str)> {
    let indented = CAPACITY.lines().filter(|line| line.starts_with("    "));
    let lines = indented.filter_map(|line| {
        let (what, rest) = line.trim().split_once("  ")?;
        let (how, result) = rest.rsplit_once(" = ")?;
        Some((what, how.trim(), result.trim()))
    });
    lines.collect()
}

#[test]
fn the_arithmetic_adds_up() {
    let lines = lines();
    assert!(lines.len() > 70, "only {} lines", lines.len());
    for (what, how, written) in lines {
        let mut reader = Reader::new(how);
        let computed = reader.sum();
        assert_eq!(reader.peek(), None, "{what}: {how}");
        let (result, off) = Reader::new(written).value();
        let is_close = (computed - result).abs() <= off * 1.000_001;
        assert!(is_close, "{what}: {how} is {computed}, not {written}");
    }
}

/// The text of the sources, each run of white space one space.
fn sources(folder: &Path, text: &mut String) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, text);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let source = std::fs::read_to_string(&path).unwrap();
            text.extend(source.split_ascii_whitespace().flat_map(|word| [word, " "]));
        }
    }
}

#[test]
fn the_constants_are_those_of_the_code() {
    let mut text = String::new();
    let repo = Path::new(env!("CARGO_MANIFEST_DIR"));
    sources(&repo.join("src"), &mut text);
    sources(&repo.join("tests/it"), &mut text);
    let (_, table) = CAPACITY.split_once("\n## Constants\n").unwrap();
    let rows = table.lines().filter(|line| line.ends_with("` |"));
    let constants: Vec<_> = rows.map(|row| row.rsplit('`').nth(1).unwrap()).collect();
    assert!(constants.len() > 15, "{constants:?}");
    let is_there = |constant: &&str| text.contains(&format!("const {constant};"));
    let missing: Vec<_> = constants.iter().filter(|it| !is_there(it)).collect();
    assert!(
        missing.is_empty(),
        "docs/capacity.md: no such constants: {missing:?}"
    );
}
