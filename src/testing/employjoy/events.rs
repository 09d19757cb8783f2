//! What happened, as the bodies of webhook deliveries.

use jiff::Timestamp;
use serde_json::{Value, json};

/// The events that were not taken yet.
#[derive(Debug, Default)]
pub(super) struct Events {
    bodies: Vec<String>,
    last: u64,
}

impl Events {
    /// Adds an event, whose id is the next of `evt_1`, `evt_2` and so on.
    pub(super) fn add(&mut self, kind: &str, at: Timestamp, data: &Value) {
        self.last += 1;
        let id = format!("evt_{}", self.last);
        let event = json!({ "id": id, "type": kind, "createdAt": at, "apiVersion": "v1", "data": data });
        self.bodies.push(event.to_string());
    }

    pub(super) fn take(&mut self) -> Vec<String> {
        std::mem::take(&mut self.bodies)
    }
}
