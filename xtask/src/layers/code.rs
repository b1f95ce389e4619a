//! As much of Rust's grammar as it takes to see what a file names: no more than tokens, blocks and paths.

use std::iter::Peekable;
use std::str::CharIndices;

/// What a file names, test modules left out.
#[derive(Debug, Default)]
pub(super) struct Code {
    pub(super) references: Vec<Reference>,
    /// The modules with files of their own that are for tests only.
    pub(super) test_files: Vec<String>,
}

/// A name whose place in the project or outside of it is known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Reference {
    /// A name at the root of this crate.
    Module { name: String, line: usize },
    /// The first name of a path that starts neither with `crate` nor with `super`.
    Crate { name: String, line: usize },
}

impl Reference {
    pub(super) fn line(&self) -> usize {
        match self {
            Self::Module { line, .. } | Self::Crate { line, .. } => *line,
        }
    }
}

impl Code {
    /// Reads a file that lies `depth` modules below the crate's root.
    pub(super) fn read(text: &str, depth: usize) -> Self {
        let mut reader = Reader { tokens: tokens(text), at: 0, depth, code: Self::default() };
        reader.read_block();
        reader.code
    }
}

#[derive(Debug)]
struct Token<'a> {
    /// A word, `::`, or a single other character.
    text: &'a str,
    line: usize,
}

struct Reader<'a> {
    tokens: Vec<Token<'a>>,
    at: usize,
    /// How many modules lie between here and the crate's root.
    depth: usize,
    code: Code,
}

impl<'a> Reader<'a> {
    fn peek(&self, ahead: usize) -> &'a str {
        self.tokens.get(self.at + ahead).map_or("", |token| token.text)
    }

    fn starts_with(&self, texts: &[&str]) -> bool {
        texts.iter().enumerate().all(|(ahead, text)| self.peek(ahead) == *text)
    }

    /// Reads up to the brace that closes the block which was opened last, or to the end.
    fn read_block(&mut self) {
        while self.at < self.tokens.len() {
            if self.starts_with(&["#", "[", "cfg", "(", "test", ")", "]"]) {
                self.at += 7;
                self.skip_test_module();
            } else if self.peek(0) == "mod" && self.peek(2) == "{" {
                self.at += 3;
                self.depth += 1;
                self.read_block();
                self.depth -= 1;
            } else {
                match self.peek(0) {
                    "{" => {
                        self.at += 1;
                        self.read_block();
                    }
                    "}" => {
                        self.at += 1;
                        return;
                    }
                    _ => self.read_path(),
                }
            }
        }
    }

    /// Steps over a module for tests; any other item for tests is read as usual.
    fn skip_test_module(&mut self) {
        let item = (0..).find(|ahead| matches!(self.peek(*ahead), "mod" | "{" | ";" | "")).unwrap_or_default();
        if self.peek(item) != "mod" {
            return;
        }
        let name = self.peek(item + 1).to_owned();
        self.at += item + 3;
        if self.tokens.get(self.at - 1).is_some_and(|token| token.text == ";") {
            self.code.test_files.push(name);
            return;
        }
        let mut open = 1;
        while open > 0 && self.at < self.tokens.len() {
            match self.peek(0) {
                "{" => open += 1,
                "}" => open -= 1,
                _ => {}
            }
            self.at += 1;
        }
    }

    /// Reads a token that may start a path.
    fn read_path(&mut self) {
        let continues = self.at > 0 && matches!(self.tokens[self.at - 1].text, "::" | ".");
        let is_use = self.at > 0 && self.tokens[self.at - 1].text == "use";
        match self.peek(0) {
            "crate" if self.peek(1) == "::" => {
                self.at += 2;
                self.read_names_at_root();
            }
            "super" if !continues => self.read_from_parent(),
            word if !continues && is_word(word) && (is_use || self.peek(1) == "::") => {
                self.code.references.push(Reference::Crate { name: word.to_owned(), line: self.tokens[self.at].line });
                self.at += 1;
            }
            _ => self.at += 1,
        }
    }

    /// Reads a path of `super::`s, which names something at the crate's root if it climbs that far.
    fn read_from_parent(&mut self) {
        let mut climbed = 0;
        while self.starts_with(&["super", "::"]) {
            climbed += 1;
            self.at += 2;
        }
        match climbed {
            0 => self.at += 1,
            _ if climbed == self.depth => self.read_names_at_root(),
            _ => {}
        }
    }

    /// Reads what follows `crate::`: one name, or a group of them.
    fn read_names_at_root(&mut self) {
        if self.peek(0) != "{" {
            self.push_module();
            self.at += 1;
            return;
        }
        let mut open = 0;
        while self.at < self.tokens.len() {
            match self.peek(0) {
                "{" => open += 1,
                "}" => open -= 1,
                word if open == 1 && is_word(word) && matches!(self.tokens[self.at - 1].text, "{" | ",") => {
                    self.push_module();
                }
                _ => {}
            }
            self.at += 1;
            if open == 0 {
                return;
            }
        }
    }

    fn push_module(&mut self) {
        let Some(token) = self.tokens.get(self.at) else { return };
        if is_word(token.text) && token.text != "self" {
            self.code.references.push(Reference::Module { name: token.text.to_owned(), line: token.line });
        }
    }
}

fn is_word(text: &str) -> bool {
    text.starts_with(|first: char| first.is_alphabetic() || first == '_')
}

/// The tokens of a text, without comments, strings and characters.
fn tokens(text: &str) -> Vec<Token<'_>> {
    let mut tokens = Vec::new();
    let mut line = 1;
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let (length, is_token) = token_length(rest, first);
        let (piece, after) = rest.split_at(length);
        if is_token {
            tokens.push(Token { text: piece, line });
        }
        line += piece.matches('\n').count();
        rest = after;
    }
    tokens
}

/// How long the next piece of the text is in bytes, and whether it is a token.
fn token_length(rest: &str, first: char) -> (usize, bool) {
    if rest.starts_with("//") {
        return (rest.find('\n').unwrap_or(rest.len()), false);
    }
    if rest.starts_with("/*") {
        return (block_comment_length(rest), false);
    }
    if let Some(length) = raw_string_length(rest) {
        return (length, false);
    }
    match first {
        '"' => (quoted_length(rest, '"'), false),
        '\'' => (quote_length(rest), false),
        _ if first.is_whitespace() => (first.len_utf8(), false),
        _ if first.is_alphanumeric() || first == '_' => (word_length(rest), true),
        ':' if rest.starts_with("::") => (2, true),
        _ => (first.len_utf8(), true),
    }
}

fn word_length(rest: &str) -> usize {
    rest.find(|character: char| !character.is_alphanumeric() && character != '_').unwrap_or(rest.len())
}

/// The length of a comment that may have others within.
fn block_comment_length(rest: &str) -> usize {
    let mut open = 0;
    let mut characters: Peekable<CharIndices<'_>> = rest.char_indices().peekable();
    while let Some((_, character)) = characters.next() {
        let step = match (character, characters.peek()) {
            ('/', Some((_, '*'))) => 1,
            ('*', Some((_, '/'))) => -1,
            _ => continue,
        };
        open += step;
        if let Some((at, _)) = characters.next()
            && open == 0
        {
            return at + 1;
        }
    }
    rest.len()
}

/// The length of `r"..."`, `r#"..."#` and so on, where the text starts with one.
fn raw_string_length(rest: &str) -> Option<usize> {
    let prefix = ["br", "cr", "r"].into_iter().find(|prefix| rest.starts_with(prefix))?;
    let hashes = rest[prefix.len()..].bytes().take_while(|byte| *byte == b'#').count();
    let start = prefix.len() + hashes;
    rest[start..].strip_prefix('"')?;
    let end = format!("\"{}", "#".repeat(hashes));
    Some(rest[start + 1..].find(&end).map_or(rest.len(), |at| start + 1 + at + end.len()))
}

fn quoted_length(rest: &str, quote: char) -> usize {
    let mut escaped = false;
    for (at, character) in rest.char_indices().skip(1) {
        match character {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            _ if character == quote => return at + quote.len_utf8(),
            _ => {}
        }
    }
    rest.len()
}

/// The length of a character, or of the quote that starts a lifetime or a label.
fn quote_length(rest: &str) -> usize {
    let mut characters = rest.chars().skip(1);
    match (characters.next(), characters.next()) {
        (Some('\\'), _) | (_, Some('\'')) => quoted_length(rest, '\''),
        _ => 1,
    }
}
