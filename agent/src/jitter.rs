//! Numbers that are unlike from agent to agent, to spread a fleet; no secret can be made of them. The seed is handed in.

#[derive(Debug, Clone)]
pub(crate) struct Jitter(u64);

impl Jitter {
    #[must_use]
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed | 1)
    }

    /// From 0 to 1, by xorshift64.
    pub(crate) fn share(&mut self) -> f64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % 1_000) as f64 / 1_000.0
    }
}
