//! What the end-to-end tests share: a hub, clients, terminals, faults.
