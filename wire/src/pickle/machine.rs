//! The stack machine that a pickle is a program for, as far as it makes data: every table is bounded, every operand is
//! looked at before it is believed, and there is no opcode that runs anything.

use super::value::{Text, Value};
use crate::Reject;

/// Values on the stack at once.
pub const MAX_STACK: usize = 1 << 17;
/// Values remembered for use again.
pub const MAX_MEMO: usize = 1 << 18;
/// Members of all tuples and lists, and lists, that one payload may make.
pub const MAX_VALUES: usize = 1 << 18;

/// What a finished program leaves behind.
#[derive(Debug, Default)]
pub(super) struct Heap<'a> {
    tuples: Vec<Value<'a>>,
    lists: Vec<Vec<Value<'a>>>,
    /// Members of all lists.
    listed: usize,
}

impl<'a> Heap<'a> {
    /// The members of a tuple or list; `None` for anything else.
    pub(super) fn members(&self, value: Value<'a>) -> Option<&[Value<'a>]> {
        match value {
            Value::Tuple { start, length } => {
                let start = start as usize;
                self.tuples.get(start..start + length as usize)
            }
            Value::List(list) => self.lists.get(list as usize).map(Vec::as_slice),
            _ => None,
        }
    }

    fn list(&mut self) -> Result<Value<'a>, Reject> {
        if self.lists.len() == MAX_VALUES {
            return Err(Reject::OverLimit);
        }
        self.lists.push(Vec::new());
        Ok(Value::List((self.lists.len() - 1) as u32))
    }

    fn append(&mut self, list: Option<Value<'a>>, members: &[Value<'a>]) -> Result<(), Reject> {
        let Some(Value::List(list)) = list else {
            return Err(Reject::Malformed);
        };
        self.listed += members.len();
        if self.listed > MAX_VALUES {
            return Err(Reject::OverLimit);
        }
        let list = self.lists.get_mut(list as usize).ok_or(Reject::Malformed)?;
        list.extend_from_slice(members);
        Ok(())
    }

    fn tuple(&mut self, members: &[Value<'a>]) -> Result<Value<'a>, Reject> {
        if self.tuples.len() + members.len() > MAX_VALUES {
            return Err(Reject::OverLimit);
        }
        // Both numbers are below MAX_VALUES.
        let start = self.tuples.len() as u32;
        self.tuples.extend_from_slice(members);
        Ok(Value::Tuple {
            start,
            length: members.len() as u32,
        })
    }
}

/// Runs a pickle to its end: the value it makes and the tables that the value points into.
///
/// # Errors
/// [`Reject::Unsupported`] for opcodes that name, call or build things; [`Reject::OverLimit`]; [`Reject::Malformed`].
pub(super) fn run(program: &[u8]) -> Result<(Value<'_>, Heap<'_>), Reject> {
    let mut machine = Machine {
        program: Program(program),
        stack: Vec::new(),
        memo: Vec::new(),
        heap: Heap::default(),
    };
    loop {
        match machine.program.byte()? {
            b'.' => return Ok((machine.pop()?, machine.heap)),
            opcode => machine.step(opcode)?,
        }
    }
}

struct Machine<'a> {
    program: Program<'a>,
    stack: Vec<Value<'a>>,
    memo: Vec<Value<'a>>,
    heap: Heap<'a>,
}

impl<'a> Machine<'a> {
    fn step(&mut self, opcode: u8) -> Result<(), Reject> {
        match opcode {
            // MARK, POP, POP_MARK, DUP
            b'(' => self.push(Value::Mark),
            b'0' => self.stack.pop().map(drop).ok_or(Reject::Malformed),
            b'1' => self.mark().map(|mark| self.stack.truncate(mark)),
            b'2' => self
                .stack
                .last()
                .copied()
                .ok_or(Reject::Malformed)
                .and_then(|top| self.push(top)),
            // EMPTY_LIST, LIST, APPEND, APPENDS
            b']' => self.heap.list().and_then(|list| self.push(list)),
            b'l' => self.list(),
            b'a' => self.append(),
            b'e' => self.appends(),
            // EMPTY_TUPLE, TUPLE1 to TUPLE3, TUPLE
            b')' => self.tuple(self.stack.len()),
            0x85..=0x87 => self.short_tuple(usize::from(opcode - 0x84)),
            b't' => self.marked_tuple(),
            b'p' | b'q' | b'r' | 0x94 => self.remember(opcode),
            b'g' | b'h' | b'j' => self.recall(opcode),
            // PROTO, FRAME: nothing here depends on them.
            0x80 => self.program.take(1).map(drop),
            0x95 => self.program.take(8).map(drop),
            // PERSID, BINPERSID, GLOBAL, REDUCE, BUILD, INST, OBJ, NEWOBJ, EXT1 to EXT4, NEWOBJ_EX, STACK_GLOBAL,
            // NEXT_BUFFER, READONLY_BUFFER
            b'P'
            | b'Q'
            | b'c'
            | b'R'
            | b'b'
            | b'i'
            | b'o'
            | 0x81..=0x84
            | 0x92
            | 0x93
            | 0x97
            | 0x98 => Err(Reject::Unsupported),
            // DICT, EMPTY_DICT, SETITEM, SETITEMS, EMPTY_SET, ADDITEMS, FROZENSET, BYTEARRAY8
            b'd' | b'}' | b's' | b'u' | 0x8f..=0x91 | 0x96 => Err(Reject::Unsupported),
            _ => self
                .program
                .scalar(opcode)
                .and_then(|value| self.push(value)),
        }
    }

    fn push(&mut self, value: Value<'a>) -> Result<(), Reject> {
        if self.stack.len() == MAX_STACK {
            return Err(Reject::OverLimit);
        }
        self.stack.push(value);
        Ok(())
    }

    /// The top, which must be a value.
    fn pop(&mut self) -> Result<Value<'a>, Reject> {
        match self.stack.pop() {
            None | Some(Value::Mark) => Err(Reject::Malformed),
            Some(value) => Ok(value),
        }
    }

    /// Where the uppermost mark is.
    fn mark(&self) -> Result<usize, Reject> {
        let mark = self.stack.iter().rposition(|value| *value == Value::Mark);
        mark.ok_or(Reject::Malformed)
    }

    fn list(&mut self) -> Result<(), Reject> {
        let mark = self.mark()?;
        let list = self.heap.list()?;
        self.heap.append(Some(list), &self.stack[mark + 1..])?;
        self.stack.truncate(mark);
        self.push(list)
    }

    fn append(&mut self) -> Result<(), Reject> {
        let member = self.pop()?;
        self.heap.append(self.stack.last().copied(), &[member])
    }

    fn appends(&mut self) -> Result<(), Reject> {
        let mark = self.mark()?;
        let list = mark.checked_sub(1).map(|under| self.stack[under]);
        self.heap.append(list, &self.stack[mark + 1..])?;
        self.stack.truncate(mark);
        Ok(())
    }

    fn marked_tuple(&mut self) -> Result<(), Reject> {
        let mark = self.mark()?;
        self.tuple(mark + 1)?;
        self.stack.remove(mark);
        Ok(())
    }

    fn short_tuple(&mut self, length: usize) -> Result<(), Reject> {
        let start = self.stack.len().checked_sub(length);
        let start = start.ok_or(Reject::Malformed)?;
        if self.stack[start..].contains(&Value::Mark) {
            return Err(Reject::Malformed);
        }
        self.tuple(start)
    }

    /// All from `start` on becomes one tuple.
    fn tuple(&mut self, start: usize) -> Result<(), Reject> {
        let tuple = self.heap.tuple(&self.stack[start..])?;
        self.stack.truncate(start);
        self.push(tuple)
    }

    /// PUT, BINPUT, LONG_BINPUT, MEMOIZE.
    fn remember(&mut self, opcode: u8) -> Result<(), Reject> {
        let place = match opcode {
            0x94 => self.memo.len(),
            other => self.program.place(other)?,
        };
        let top = self.stack.last().copied();
        let value = top.filter(|top| *top != Value::Mark);
        let value = value.ok_or(Reject::Malformed)?;
        if place >= MAX_MEMO {
            return Err(Reject::OverLimit);
        }
        if place >= self.memo.len() {
            self.memo.resize(place + 1, Value::Mark);
        }
        self.memo[place] = value;
        Ok(())
    }

    /// GET, BINGET, LONG_BINGET.
    fn recall(&mut self, opcode: u8) -> Result<(), Reject> {
        let place = self.program.place(opcode)?;
        match self.memo.get(place) {
            // A mark fills places that nothing was put in.
            None | Some(Value::Mark) => Err(Reject::Malformed),
            Some(value) => self.push(*value),
        }
    }
}

/// What is left of the pickle.
struct Program<'a>(&'a [u8]);

impl<'a> Program<'a> {
    fn byte(&mut self) -> Result<u8, Reject> {
        self.array::<1>().map(|[byte]| byte)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], Reject> {
        let (array, rest) = self.0.split_first_chunk().ok_or(Reject::Malformed)?;
        self.0 = rest;
        Ok(*array)
    }

    fn take(&mut self, length: u64) -> Result<&'a [u8], Reject> {
        let length = usize::try_from(length).map_err(|_| Reject::Malformed)?;
        let (taken, rest) = self.0.split_at_checked(length).ok_or(Reject::Malformed)?;
        self.0 = rest;
        Ok(taken)
    }

    fn line(&mut self) -> Result<&'a [u8], Reject> {
        let end = memchr::memchr(b'\n', self.0).ok_or(Reject::Malformed)?;
        let line = &self.0[..end];
        self.0 = &self.0[end + 1..];
        Ok(line)
    }

    /// The memo's place that an opcode names.
    fn place(&mut self, opcode: u8) -> Result<usize, Reject> {
        match opcode {
            b'q' | b'h' => self.byte().map(usize::from),
            b'r' | b'j' => self.array().map(|place| u32::from_le_bytes(place) as usize),
            _ => ascii(self.line()?),
        }
    }

    /// The opcodes that push one number, text or nothing.
    fn scalar(&mut self, opcode: u8) -> Result<Value<'a>, Reject> {
        Ok(match opcode {
            b'N' => Value::Nothing,
            // NEWTRUE, NEWFALSE
            0x88 => Value::Number(1.0),
            0x89 => Value::Number(0.0),
            // BININT, BININT1, BININT2
            b'J' => Value::Number(f64::from(i32::from_le_bytes(self.array()?))),
            b'K' => Value::Number(f64::from(self.byte()?)),
            b'M' => Value::Number(f64::from(u16::from_le_bytes(self.array()?))),
            // INT (`I01` and `I00` are booleans), LONG, FLOAT
            b'I' => decimal(self.line()?)?,
            b'L' => {
                let line = self.line()?;
                decimal(line.strip_suffix(b"L").unwrap_or(line))?
            }
            b'F' => decimal(self.line()?)?,
            b'G' => Value::Number(f64::from_be_bytes(self.array()?)),
            // LONG1, LONG4
            0x8a => {
                let length = self.byte()?;
                long(self.take(length.into())?)
            }
            0x8b => {
                let length = u32::from_le_bytes(self.array()?);
                long(self.take(length.into())?)
            }
            _ => Value::Text(self.text(opcode)?),
        })
    }

    fn text(&mut self, opcode: u8) -> Result<Text<'a>, Reject> {
        let length = match opcode {
            b'V' => return self.line().map(Text::Unicode),
            b'S' => return self.line().and_then(unquote).map(Text::Quoted),
            // SHORT_BINSTRING, SHORT_BINBYTES, SHORT_BINUNICODE
            b'U' | b'C' | 0x8c => self.byte()?.into(),
            // BINSTRING (whose length has a sign, so that 2^31 is past any payload), BINBYTES, BINUNICODE
            b'T' | b'B' | b'X' => u32::from_le_bytes(self.array()?).into(),
            // BINUNICODE8, BINBYTES8
            0x8d | 0x8e => u64::from_le_bytes(self.array()?),
            _ => return Err(Reject::Malformed),
        };
        self.take(length).map(Text::Plain)
    }
}

fn ascii(line: &[u8]) -> Result<usize, Reject> {
    let text = std::str::from_utf8(line).ok();
    text.and_then(|text| text.parse().ok())
        .ok_or(Reject::Malformed)
}

fn decimal<'a>(line: &[u8]) -> Result<Value<'a>, Reject> {
    fast_float2::parse(line)
        .map(Value::Number)
        .map_err(|_| Reject::Malformed)
}

/// Two's complement, little-endian. What 128 bits cannot hold is past any measurement, and infinite here.
fn long<'a>(bytes: &[u8]) -> Value<'a> {
    let negative = bytes.last().is_some_and(|last| *last >= 0x80);
    let fill = if negative { 0xff } else { 0 };
    let mut wide = [fill; 16];
    if bytes.len() > wide.len() {
        return Value::Number(if negative {
            f64::NEG_INFINITY
        } else {
            f64::INFINITY
        });
    }
    wide[..bytes.len()].copy_from_slice(bytes);
    Value::Number(i128::from_le_bytes(wide) as f64)
}

fn unquote(line: &[u8]) -> Result<&[u8], Reject> {
    match line {
        [b'\'', inner @ .., b'\''] | [b'"', inner @ .., b'"'] => Ok(inner),
        _ => Err(Reject::Malformed),
    }
}
