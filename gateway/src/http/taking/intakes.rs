//! Intakes that requests lend each other, so that a name is learnt once and not once a request.

use parking_lot::Mutex;
use weir_store::Clock;

use crate::admission::{Admission, Sender, Source};
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

    /// Who a request's samples are counted for.
    pub(super) fn sender(&self, caller: &Caller) -> Sender {
        self.admission.sender(self.protocol, caller.source())
    }

    /// The gateway itself, for what it stores of its own accord.
    pub(super) fn own(&self) -> Sender {
        self.admission.sender(self.protocol, Source::Gateway)
    }

    /// Somebody who is not the gateway itself, to whose series relabelling applies.
    pub(super) fn somebody(&self) -> Sender {
        self.admission.sender(self.protocol, Source::Rest)
    }

    /// For one request. One that is not given back, because its request ended early, is gone with the names it knew.
    pub(super) fn take(&self, sender: &Sender) -> Intake {
        let idle = self.idle.lock().pop();
        match idle {
            Some(mut intake) => {
                intake.set_sender(sender.clone());
                intake
            }
            None => Intake::new(sender.clone(), self.admission.clone(), self.clock.clone()),
        }
    }

    pub(super) fn give_back(&self, intake: Intake) {
        let mut idle = self.idle.lock();
        if idle.len() < IDLE {
            idle.push(intake);
        }
    }
}
