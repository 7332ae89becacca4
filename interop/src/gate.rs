//! Agreement between the two sides of a conversation, outside the connection under test.
//!
//! A conversation that has to know how far the other side is says so with a signal and waits for
//! one, so that none has to sleep.

use std::{collections::HashMap, sync::Arc};

use anyhow::{Result, bail};
use std::sync::Mutex;
use tokio::sync::{Notify, mpsc};

/// One end of a pair: what it signals, the other end can wait for.
#[derive(Clone, Debug)]
pub struct Gate {
    outbox: mpsc::UnboundedSender<String>,
    inbox: Arc<Inbox>,
}

/// The signals that have come and not been used up.
#[derive(Debug, Default)]
pub struct Inbox {
    state: Mutex<InboxState>,
    changed: Notify,
}

#[derive(Debug, Default)]
struct InboxState {
    counts: HashMap<String, usize>,
    ended: bool,
}

impl Gate {
    /// A gate whose signals leave through the returned receiver, and whose inbox is fed by hand.
    pub fn new() -> (Self, Arc<Inbox>, mpsc::UnboundedReceiver<String>) {
        let (outbox, outgoing) = mpsc::unbounded_channel();
        let inbox = Arc::new(Inbox::default());
        (Self { outbox, inbox: Arc::clone(&inbox) }, inbox, outgoing)
    }

    /// Two gates in one process, each the other's counterpart.
    pub fn pair() -> (Self, Self) {
        let (left, left_inbox, left_outgoing) = Self::new();
        let (right, right_inbox, right_outgoing) = Self::new();
        tokio::spawn(deliver_all(left_outgoing, right_inbox));
        tokio::spawn(deliver_all(right_outgoing, left_inbox));
        (left, right)
    }

    /// Tells the other side that the point called `name` is reached.
    pub fn signal(&self, name: &str) {
        // Whoever is gone does not need the signal.
        let _ = self.outbox.send(name.to_owned());
    }

    /// Waits until the other side has signalled `name`, and uses that signal up.
    ///
    /// # Errors
    /// When the other side has ended without that signal.
    pub async fn wait(&self, name: &str) -> Result<()> {
        loop {
            let changed = self.inbox.changed.notified();
            if self.inbox.take(name)? {
                return Ok(());
            }
            changed.await;
        }
    }
}

impl Inbox {
    /// Records a signal of the other side.
    pub fn deliver(&self, name: &str) {
        let mut state = self.state.lock().expect("no holder of the lock panics");
        *state.counts.entry(name.to_owned()).or_default() += 1;
        drop(state);
        self.changed.notify_waiters();
    }

    /// Records that no further signal will come.
    pub fn end(&self) {
        self.state.lock().expect("no holder of the lock panics").ended = true;
        self.changed.notify_waiters();
    }

    fn take(&self, name: &str) -> Result<bool> {
        let mut state = self.state.lock().expect("no holder of the lock panics");
        if let Some(count) = state.counts.get_mut(name).filter(|count| **count > 0) {
            *count -= 1;
            return Ok(true);
        }
        if state.ended {
            bail!("the other side ended before its signal {name:?}");
        }
        Ok(false)
    }
}

async fn deliver_all(mut outgoing: mpsc::UnboundedReceiver<String>, inbox: Arc<Inbox>) {
    while let Some(name) = outgoing.recv().await {
        inbox.deliver(&name);
    }
    inbox.end();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_signal_is_used_up() {
        let (left, right) = Gate::pair();
        left.signal("ready");
        left.signal("ready");
        right.wait("ready").await.expect("signalled once");
        right.wait("ready").await.expect("signalled twice");
        drop(left);
        assert!(right.wait("ready").await.is_err(), "nobody is left to signal");
    }
}
