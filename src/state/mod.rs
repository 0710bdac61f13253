//! The projection: a fold of the records. Pure, total, idempotent; never serialised.
