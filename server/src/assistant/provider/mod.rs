//! Language models elsewhere, by two wire formats; none unless configured.
