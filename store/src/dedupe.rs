//! What has been taken from whom: the highest sequence of each (agent, boot), so that a batch that is sent again
//! changes nothing. Bounded: an agent's oldest boots and, past a cap, the agents silent longest are forgotten.

use std::collections::BTreeMap;

use weir_wire::varint::{Reader, put, put_bytes};

use crate::Origin;

const BOOTS: usize = 8;
const AGENTS: usize = 1_000_000;
const AGENT_BYTES: usize = 4_096;

/// The highest sequence on disk, by agent and boot.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(crate) struct Dedupe(BTreeMap<String, Vec<(u64, u64)>>);

impl Dedupe {
    /// 0 where nothing has been taken.
    pub(crate) fn last(&self, agent: &str, boot: u64) -> u64 {
        let boots = self.0.get(agent).map_or(&[][..], Vec::as_slice);
        boots
            .iter()
            .find(|(known, _)| *known == boot)
            .map_or(0, |(_, sequence)| *sequence)
    }

    pub(crate) fn has(&self, origin: &Origin) -> bool {
        origin.sequence <= self.last(&origin.agent, origin.boot)
    }

    pub(crate) fn note(&mut self, origin: &Origin) {
        if self.0.len() >= AGENTS && !self.0.contains_key(&origin.agent) {
            self.0.pop_first();
        }
        let boots = self.0.entry(origin.agent.clone()).or_default();
        let before = boots.iter().position(|(boot, _)| *boot == origin.boot);
        let sequence = before
            .map_or(0, |at| boots.remove(at).1)
            .max(origin.sequence);
        boots.push((origin.boot, sequence));
        if boots.len() > BOOTS {
            boots.remove(0);
        }
    }

    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut out = Vec::new();
        put(&mut out, self.0.len() as u64);
        for (agent, boots) in &self.0 {
            put_bytes(&mut out, agent.as_bytes());
            put(&mut out, boots.len() as u64);
            for (boot, sequence) in boots {
                put(&mut out, *boot);
                put(&mut out, *sequence);
            }
        }
        out
    }

    pub(crate) fn decode(bytes: &[u8]) -> Option<Self> {
        let mut reader = Reader(bytes);
        let mut agents = BTreeMap::new();
        for _ in 0..reader.bounded(AGENTS)? {
            let agent = reader.text(AGENT_BYTES)?.to_owned();
            let mut boots = Vec::new();
            for _ in 0..reader.bounded(BOOTS)? {
                boots.push((reader.unsigned()?, reader.unsigned()?));
            }
            agents.insert(agent, boots);
        }
        reader.is_empty().then_some(Self(agents))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn origin(boot: u64, sequence: u64) -> Origin {
        Origin {
            agent: "a".into(),
            boot,
            sequence,
        }
    }

    #[test]
    fn remembers_the_highest_of_each_boot() {
        let mut dedupe = Dedupe::default();
        dedupe.note(&origin(1, 5));
        dedupe.note(&origin(2, 1));
        dedupe.note(&origin(1, 3));
        assert!(dedupe.has(&origin(1, 5)) && !dedupe.has(&origin(1, 6)));
        assert!(dedupe.has(&origin(2, 1)) && !dedupe.has(&origin(3, 1)));
        assert_eq!(Dedupe::decode(&dedupe.encode()), Some(dedupe));
        assert_eq!(Dedupe::decode(&[9]), None);
    }
}
