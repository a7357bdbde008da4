//! Text to tokens. Owns comments, blanks and where a word or number ends; knows no grammar, save that `:` within
//! brackets is a sign and elsewhere part of a name.

use super::ParseError;
use super::literal;

/// Texts longer than this are refused unread.
pub(super) const LONGEST_TEXT_BYTES: usize = 256 * 1024;

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Token {
    /// A name or keyword, dots included.
    Word(String),
    Number(f64),
    Duration {
        duration_ms: i64,
    },
    Text(String),
    /// An operator or bracket, as written.
    Sign(&'static str),
    End,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) struct Spanned {
    pub(super) token: Token,
    /// Byte offset of its first character.
    pub(super) start: usize,
}

/// Longest first, so that `<=` is not read as `<`.
const SIGNS: [&str; 22] = [
    "==", "!=", "=~", "!~", "<=", ">=", "=", "<", ">", "+", "-", "*", "/", "%", "^", "@", "(", ")",
    "{", "}", ",", "[",
];

/// All tokens, [`Token::End`] last.
pub(super) fn tokens(text: &str) -> Result<Vec<Spanned>, ParseError> {
    if text.len() > LONGEST_TEXT_BYTES {
        let message = format!("the expression is longer than {LONGEST_TEXT_BYTES} bytes");
        return Err(ParseError::at("", 0, message));
    }
    let mut lexer = Lexer {
        text,
        at: 0,
        in_brackets: false,
    };
    let mut out = Vec::new();
    loop {
        lexer.skip_blanks();
        let start = lexer.at;
        let token = lexer
            .next()
            .map_err(|message| ParseError::at(text, start, message))?;
        let last = token == Token::End;
        out.push(Spanned { token, start });
        if last {
            return Ok(out);
        }
    }
}

struct Lexer<'a> {
    text: &'a str,
    at: usize,
    in_brackets: bool,
}

impl<'a> Lexer<'a> {
    fn rest(&self) -> &'a str {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn skip_blanks(&mut self) {
        loop {
            let rest = self.rest();
            let blank = rest.len() - rest.trim_start_matches([' ', '\t', '\n', '\r']).len();
            self.at += blank;
            if !self.rest().starts_with('#') {
                return;
            }
            self.at += self.rest().find('\n').unwrap_or(self.rest().len());
        }
    }

    fn next(&mut self) -> Result<Token, String> {
        let rest = self.rest();
        let Some(first) = rest.chars().next() else {
            return self.end();
        };
        let digit_next = rest.as_bytes().get(1).is_some_and(u8::is_ascii_digit);
        match first {
            '"' | '\'' | '`' => {
                let (text, length) = literal::quoted(rest)?;
                self.at += length;
                Ok(Token::Text(text))
            }
            '0'..='9' => self.number(),
            '.' if digit_next => self.number(),
            ':' if self.in_brackets => Ok(self.sign(":")),
            ']' => {
                self.in_brackets = false;
                Ok(self.sign("]"))
            }
            _ if starts_word(first) => Ok(self.word()),
            _ => self.any_sign(first),
        }
    }

    fn end(&self) -> Result<Token, String> {
        if self.in_brackets {
            return Err("unclosed left bracket".to_owned());
        }
        Ok(Token::End)
    }

    fn any_sign(&mut self, first: char) -> Result<Token, String> {
        let rest = self.rest();
        let Some(sign) = SIGNS.into_iter().find(|sign| rest.starts_with(sign)) else {
            return Err(format!("unexpected character: {first:?}"));
        };
        self.in_brackets |= sign == "[";
        Ok(self.sign(sign))
    }

    fn sign(&mut self, sign: &'static str) -> Token {
        self.at += sign.len();
        Token::Sign(sign)
    }

    fn word(&mut self) -> Token {
        let length = word_length(self.rest());
        let word = self.rest().get(..length).unwrap_or_default();
        self.at += length;
        if word.eq_ignore_ascii_case("inf") {
            return Token::Number(f64::INFINITY);
        }
        if word.eq_ignore_ascii_case("nan") {
            return Token::Number(f64::NAN);
        }
        Token::Word(word.to_owned())
    }

    fn number(&mut self) -> Result<Token, String> {
        let length = literal::number_length(self.rest());
        let run = self.rest().get(..length).unwrap_or_default();
        self.at += length;
        if let Some(duration_ms) = super::parse_duration(run).filter(|_| run != "0") {
            return Ok(Token::Duration { duration_ms });
        }
        literal::number(run)
            .map(Token::Number)
            .ok_or_else(|| format!("bad number or duration syntax: {run:?}"))
    }
}

fn starts_word(c: char) -> bool {
    c.is_ascii_alphabetic() || c == '_' || c == ':'
}

/// The length of the name at the head of a text: letters, digits, `_`, `:`, and dots that stand between such (no
/// other reading of a dot after a name exists, so names of Graphite and StatsD need no quotes).
pub(super) fn word_length(text: &str) -> usize {
    if !text.starts_with(starts_word) {
        return 0;
    }
    let part = |b: u8| b.is_ascii_alphanumeric() || b == b'_' || b == b':';
    let bytes = text.as_bytes();
    let goes_on = |(i, b): (usize, &u8)| {
        part(*b) || (*b == b'.' && bytes.get(i + 1).is_some_and(|next| part(*next)))
    };
    bytes
        .iter()
        .enumerate()
        .take_while(|pair| goes_on(*pair))
        .count()
}
