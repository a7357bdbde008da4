//! Intakes that requests lend each other, so that a name is learnt once and not once a request.

use parking_lot::Mutex;
use weir_store::Clock;

use crate::admission::Admission;
use crate::http::Caller;
use crate::listen::intake::Intake;

/// Intakes kept while nobody uses them; each remembers names.
const IDLE: usize = 4;

/// One protocol's.
pub(super) struct Intakes {
    protocol: &'static str,
    admission: Admission,
    clock: Clock,
    idle: Mutex<Vec<Intake>>,
}

impl Intakes {
    pub(super) fn new(protocol: &'static str, admission: Admission, clock: Clock) -> Self {
        Self {
            protocol,
            admission,
            clock,
            idle: Mutex::default(),
        }
    }

    /// For one request. One that is not given back, because its request ended early, is gone with the names it knew.
    pub(super) fn take(&self, caller: &Caller) -> Intake {
        let sender = self.admission.sender(self.protocol, caller.source());
        let idle = self.idle.lock().pop();
        match idle {
            Some(mut intake) => {
                intake.set_sender(sender);
                intake
            }
            None => Intake::new(sender, self.admission.clone(), self.clock.clone()),
        }
    }

    pub(super) fn give_back(&self, intake: Intake) {
        let mut idle = self.idle.lock();
        if idle.len() < IDLE {
            idle.push(intake);
        }
    }
}
