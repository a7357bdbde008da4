//! Walks through marshalled D-Bus values: each is aligned by its kind, counted from the beginning of the message or body, and
//! nothing is believed about a length before there is as much. It knows no messages.

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
    is_big: bool,
}

impl<'a> Reader<'a> {
    pub(super) fn new(bytes: &'a [u8], is_big: bool) -> Self {
        Self {
            bytes,
            at: 0,
            is_big,
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.at >= self.bytes.len()
    }

    pub(super) fn skip(&mut self, count: usize) -> Option<()> {
        self.take(count).map(drop)
    }

    pub(super) fn align(&mut self, align: usize) -> Option<()> {
        let at = self.at.checked_next_multiple_of(align)?;
        self.skip(at - self.at)
    }

    pub(super) fn byte(&mut self) -> Option<u8> {
        self.take(1)?.first().copied()
    }

    pub(super) fn u32(&mut self) -> Option<u32> {
        self.align(4)?;
        let bytes = self.take(4)?.try_into().ok()?;
        Some(match self.is_big {
            true => u32::from_be_bytes(bytes),
            false => u32::from_le_bytes(bytes),
        })
    }

    pub(super) fn u64(&mut self) -> Option<u64> {
        self.align(8)?;
        let bytes = self.take(8)?.try_into().ok()?;
        Some(match self.is_big {
            true => u64::from_be_bytes(bytes),
            false => u64::from_le_bytes(bytes),
        })
    }

    /// A string or an object's path.
    pub(super) fn string(&mut self) -> Option<&'a str> {
        let length = self.u32()? as usize;
        self.text(length)
    }

    pub(super) fn signature(&mut self) -> Option<&'a str> {
        let length = usize::from(self.byte()?);
        self.text(length)
    }

    /// The elements of an array; they keep their alignment to the whole.
    pub(super) fn array(&mut self, align: usize) -> Option<Self> {
        let length = self.u32()? as usize;
        self.align(align)?;
        let start = self.at;
        self.skip(length)?;
        Some(Self {
            bytes: self.bytes.get(..self.at)?,
            at: start,
            is_big: self.is_big,
        })
    }

    /// What follows, aligned anew.
    pub(super) fn rest(&self) -> Self {
        Self::new(self.bytes.get(self.at..).unwrap_or_default(), self.is_big)
    }

    fn text(&mut self, length: usize) -> Option<&'a str> {
        let text = self.take(length)?;
        self.skip(1)?;
        std::str::from_utf8(text).ok()
    }

    fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let end = self.at.checked_add(count)?;
        let taken = self.bytes.get(self.at..end)?;
        self.at = end;
        Some(taken)
    }
}
