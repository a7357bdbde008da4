//! The syntax of a target: calls, paths, numbers, strings, `name=value` arguments. Knows no function.

use super::{GraphiteError, limits};

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Term {
    Path(String),
    Number(f64),
    Text(String),
    Flag(bool),
    Call(Call),
}

#[derive(Debug, Clone, PartialEq)]
pub(super) struct Call {
    pub name: String,
    pub args: Vec<Term>,
    pub named: Vec<(String, Term)>,
    /// The call as it was written, which names what it yields where the function gives no name.
    pub text: String,
}

impl Call {
    /// An argument by position or by name.
    pub(super) fn argument(&self, at: usize, name: &str) -> Option<&Term> {
        let named = self.named.iter().find(|(key, _)| key == name);
        self.args.get(at).or(named.map(|(_, value)| value))
    }
}

pub(super) fn parse(text: &str) -> Result<Term, GraphiteError> {
    let mut parser = Parser {
        text,
        at: 0,
        nodes: 0,
    };
    if text.len() > limits::TEXT_BYTES {
        return Err(parser.error("the target is too long"));
    }
    let term = parser.term(0)?;
    parser.skip_space();
    if parser.at < text.len() {
        return Err(parser.error("text after the end of the expression"));
    }
    Ok(term)
}

struct Parser<'a> {
    text: &'a str,
    at: usize,
    nodes: usize,
}

impl<'a> Parser<'a> {
    fn rest(&self) -> &'a str {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn error(&self, reason: &'static str) -> GraphiteError {
        let position = self.at + 1;
        GraphiteError::BadTarget { position, reason }
    }

    fn skip_space(&mut self) {
        let rest = self.rest();
        self.at += rest.len() - rest.trim_start().len();
    }

    fn eat(&mut self, c: char) -> bool {
        self.skip_space();
        let found = self.rest().starts_with(c);
        self.at += if found { c.len_utf8() } else { 0 };
        found
    }

    fn term(&mut self, depth: usize) -> Result<Term, GraphiteError> {
        self.nodes += 1;
        if depth > limits::DEPTH || self.nodes > limits::NODES {
            return Err(self.error("the expression is too deep or too long"));
        }
        self.skip_space();
        if self.rest().starts_with(['"', '\'']) {
            return self.string();
        }
        let start = self.at;
        let word = self.word();
        if word.is_empty() {
            return Err(self.error("a path, a number, a string or a call is missing"));
        }
        if self.eat('(') {
            return self.call(word, start, depth);
        }
        Ok(plain(word))
    }

    /// A string in either quote; the quote and the backslash are escaped by a backslash.
    fn string(&mut self) -> Result<Term, GraphiteError> {
        let mut chars = self.rest().char_indices();
        let quote = chars.next().map(|(_, c)| c);
        let mut out = String::new();
        while let Some((i, c)) = chars.next() {
            if Some(c) == quote {
                self.at += i + c.len_utf8();
                return Ok(Term::Text(out));
            }
            if c != '\\' {
                out.push(c);
                continue;
            }
            match chars.next() {
                Some((_, escaped)) if Some(escaped) == quote || escaped == '\\' => {
                    out.push(escaped)
                }
                Some((_, other)) => out.extend(['\\', other]),
                None => break,
            }
        }
        Err(self.error("the string has no end"))
    }

    /// Everything up to a delimiter; commas within braces belong to the word.
    fn word(&mut self) -> &'a str {
        let rest = self.rest();
        let mut braces = 0usize;
        let ends = |(_, c): &(usize, char)| {
            match c {
                '{' => braces += 1,
                '}' => braces = braces.saturating_sub(1),
                ',' if braces == 0 => return true,
                '(' | ')' | '"' | '\'' | '=' => return *c != '=' || braces == 0,
                c if c.is_whitespace() => return true,
                _ => {}
            }
            false
        };
        let end = rest
            .char_indices()
            .find(ends)
            .map_or(rest.len(), |(i, _)| i);
        let mut end = end;
        // `=` ends a word only where it names an argument: `name;k=v` is a path.
        if rest.get(end..).is_some_and(|tail| tail.starts_with('='))
            && rest.get(..end).is_some_and(|word| word.contains(';'))
        {
            let tail = rest.get(end..).unwrap_or_default();
            end += tail.find([',', '(', ')', ' ']).unwrap_or(tail.len());
        }
        self.at += end;
        rest.get(..end).unwrap_or_default()
    }

    fn call(&mut self, name: &str, start: usize, depth: usize) -> Result<Term, GraphiteError> {
        let mut call = Call {
            name: name.to_owned(),
            args: Vec::new(),
            named: Vec::new(),
            text: String::new(),
        };
        if !self.eat(')') {
            loop {
                self.argument(&mut call, depth + 1)?;
                if self.eat(')') {
                    break;
                }
                if !self.eat(',') {
                    return Err(self.error("expected a comma or a closing parenthesis"));
                }
            }
        }
        call.text = self.text.get(start..self.at).unwrap_or_default().to_owned();
        Ok(Term::Call(call))
    }

    fn argument(&mut self, call: &mut Call, depth: usize) -> Result<(), GraphiteError> {
        let term = self.term(depth)?;
        if let Term::Path(name) = &term
            && self.eat('=')
        {
            let value = self.term(depth)?;
            call.named.push((name.clone(), value));
        } else if call.named.is_empty() {
            call.args.push(term);
        } else {
            return Err(self.error("a plain argument after a named one"));
        }
        Ok(())
    }
}

fn plain(word: &str) -> Term {
    let numeric = word.starts_with(|c: char| c.is_ascii_digit() || "+-.".contains(c));
    match word {
        "true" | "True" => Term::Flag(true),
        "false" | "False" => Term::Flag(false),
        _ => match word.parse::<f64>() {
            Ok(number) if numeric => Term::Number(number),
            _ => Term::Path(word.to_owned()),
        },
    }
}
