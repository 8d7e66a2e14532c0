//! What a password hash costs and looks like: Argon2id costs and PHC strings.
//!
//! Deliberately absent: the hashing itself (`passwords`) and comparing hashes, which only it does,
//! in constant time.

use std::fmt;

use argon2::password_hash::phc::{Output, ParamsString, PasswordHash, Salt};
use argon2::{ARGON2ID_IDENT, Params, Version};
use serde::{Deserialize, Serialize};

pub(super) const SALT_BYTES: usize = 16;
pub(super) const OUTPUT_BYTES: usize = 32;

/// Whose password it is; decides its cost and its least length.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Holder {
    /// A member of staff who signs in with the password alone.
    Staff,
    /// A member of staff who needs a one-time code as well.
    StaffWithTotp,
    /// A registered customer.
    Customer,
}

/// The work one hash takes.
#[derive(Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Cost {
    /// Memory in KiB, 19,456 to 1,048,576.
    pub memory_kib: u32,
    /// Passes over that memory, 2 to 16.
    pub iterations: u32,
    /// Lanes, 1 to 16. They are filled one after the other, on one thread.
    pub lanes: u32,
}

impl Cost {
    /// The least that is accepted (OWASP Password Storage Cheat Sheet), 10 to 20 ms.
    pub const FLOOR: Self = Self {
        memory_kib: 19_456,
        iterations: 2,
        lanes: 1,
    };
    /// The default for staff (RFC 9106, second recommended option), about 120 ms.
    pub const STAFF: Self = Self {
        memory_kib: 65_536,
        iterations: 3,
        lanes: 4,
    };
    /// The most that is accepted: a wrong figure must not hold a thread for minutes.
    pub const CEILING: Self = Self {
        memory_kib: 1_048_576,
        iterations: 16,
        lanes: 16,
    };

    /// Checks the cost against [`Cost::FLOOR`] and [`Cost::CEILING`].
    ///
    /// # Errors
    /// [`CostError`] names the cost and the bound it broke.
    pub fn check(self) -> Result<(), CostError> {
        if !self.covers(Self::FLOOR) {
            Err(CostError::BelowFloor(self))
        } else if !Self::CEILING.covers(self) {
            Err(CostError::AboveCeiling(self))
        } else {
            Ok(())
        }
    }

    /// Whether every figure is at least that of `other`.
    const fn covers(self, other: Self) -> bool {
        self.memory_kib >= other.memory_kib
            && self.iterations >= other.iterations
            && self.lanes >= other.lanes
    }

    /// Lanes only divide the work, so fewer of them are no weakness.
    pub(super) const fn weaker_than(self, other: Self) -> bool {
        self.memory_kib < other.memory_kib || self.iterations < other.iterations
    }

    pub(super) fn params(self) -> Result<Params, argon2::Error> {
        Params::new(
            self.memory_kib,
            self.iterations,
            self.lanes,
            Some(OUTPUT_BYTES),
        )
    }
}

impl fmt::Display for Cost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "m={},t={},p={}",
            self.memory_kib, self.iterations, self.lanes
        )
    }
}

impl fmt::Debug for Cost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A configured cost is out of bounds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CostError {
    /// Too cheap to guess.
    #[error("password cost {0} is below the floor {floor}; raise it in the configuration", floor = Cost::FLOOR)]
    BelowFloor(Cost),
    /// Too dear to serve.
    #[error("password cost {0} is above the ceiling {ceiling}; lower it in the configuration", ceiling = Cost::CEILING)]
    AboveCeiling(Cost),
}

/// The costs of a hub.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Costs {
    /// For staff.
    pub staff: Cost,
    /// For registered customers.
    pub customers: Cost,
}

impl Costs {
    /// The cost of this holder's password.
    #[must_use]
    pub const fn of(&self, holder: Holder) -> Cost {
        match holder {
            Holder::Staff | Holder::StaffWithTotp => self.staff,
            Holder::Customer => self.customers,
        }
    }
}

impl Default for Costs {
    fn default() -> Self {
        Self {
            staff: Cost::STAFF,
            customers: Cost::FLOOR,
        }
    }
}

/// A stored text is not a password hash of ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a stored password hash is not argon2id version 19 in PHC form; set a new password")]
pub struct PhcError;

/// A password hash as it is stored: an Argon2id PHC string with a 16-byte salt.
#[derive(Clone)]
pub struct Phc {
    pub(super) cost: Cost,
    pub(super) salt: [u8; SALT_BYTES],
    pub(super) output: [u8; OUTPUT_BYTES],
}

impl Phc {
    /// Reads a stored hash.
    ///
    /// # Errors
    /// [`PhcError`] for another algorithm or version, sizes other than ours, or a cost above
    /// [`Cost::CEILING`]: a damaged record must not verify anything, nor take the hub's memory. One
    /// below the floor is read: it may be older than the floor, and is flagged for rehashing.
    pub fn parse(text: &str) -> Result<Self, PhcError> {
        let phc = PasswordHash::new(text).map_err(|_| PhcError)?;
        let params = Params::try_from(&phc).map_err(|_| PhcError)?;
        let cost = Cost {
            memory_kib: params.m_cost(),
            iterations: params.t_cost(),
            lanes: params.p_cost(),
        };
        let plain = params.keyid().is_empty() && params.data().is_empty();
        let current = phc.version == Some(Version::V0x13.into());
        if phc.algorithm != ARGON2ID_IDENT || !current || !plain || !Cost::CEILING.covers(cost) {
            return Err(PhcError);
        }
        let salt = phc
            .salt
            .ok_or(PhcError)?
            .as_ref()
            .try_into()
            .map_err(|_| PhcError)?;
        let output = phc
            .hash
            .ok_or(PhcError)?
            .as_ref()
            .try_into()
            .map_err(|_| PhcError)?;
        Ok(Self { cost, salt, output })
    }

    /// The PHC string, for the store only.
    #[must_use]
    pub fn expose(&self) -> String {
        let fits = "our own sizes and figures fit the PHC form";
        let params = self.cost.params().expect(fits);
        let phc = PasswordHash {
            algorithm: ARGON2ID_IDENT,
            version: Some(Version::V0x13.into()),
            params: ParamsString::try_from(&params).expect(fits),
            salt: Some(Salt::new(&self.salt).expect(fits)),
            hash: Some(Output::new(&self.output).expect(fits)),
        };
        phc.to_string()
    }

    /// What it cost.
    #[must_use]
    pub const fn cost(&self) -> Cost {
        self.cost
    }
}

impl fmt::Debug for Phc {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Phc({}, ..)", self.cost)
    }
}

#[cfg(test)]
mod tests {
    use super::{Cost, CostError, Phc};

    #[test]
    fn costs_out_of_bounds_are_refused() {
        for (memory_kib, iterations, lanes, fits) in [
            (19_456, 2, 1, true),
            (65_536, 3, 4, true),
            (1_048_576, 16, 16, true),
            (19_455, 2, 1, false),
            (65_536, 1, 4, false),
            (65_536, 3, 0, false),
            (1_048_577, 3, 4, false),
            (65_536, 17, 4, false),
            (65_536, 3, 17, false),
        ] {
            let cost = Cost {
                memory_kib,
                iterations,
                lanes,
            };
            assert_eq!(cost.check().is_ok(), fits, "{cost}");
        }
        let weak = Cost {
            memory_kib: 8,
            iterations: 1,
            lanes: 1,
        };
        let error = weak.check().unwrap_err();
        assert_eq!(error, CostError::BelowFloor(weak));
        let told = "password cost m=8,t=1,p=1 is below the floor m=19456,t=2,p=1; \
                    raise it in the configuration";
        assert_eq!(error.to_string(), told);
    }

    #[test]
    fn foreign_hashes_are_refused() {
        let salt = "c29tZXNhbHRzb21lc2FsdA";
        let output = "A".repeat(43);
        let good = format!("$argon2id$v=19$m=19456,t=2,p=1${salt}${output}");
        assert_eq!(Phc::parse(&good).unwrap().expose(), good);
        assert!(Phc::parse(&good.replace("m=19456", "m=4096")).is_ok());
        for text in [
            String::new(),
            "hunter2".to_owned(),
            "$2b$12$KIXQJm2vCkqZkHhQ5n1yUe7m0rS3m6y5b6a0gJ8vB1c2d3e4f5g6h".to_owned(),
            good.replace("argon2id", "argon2i"),
            good.replace("v=19", "v=16"),
            good.replace("$v=19", ""),
            good.replace("m=19456", "m=4"),
            good.replace("m=19456", "m=1048577"),
            good.replace("m=19456", "m=4294967295"),
            good.replace("t=2", "t=4000000000"),
            good.replace(salt, "c29tZXNhbHQ"),
            good.replace(&output, "AAAAAAAAAAAAAAAAAAAAAA"),
            good.replace(&format!("${output}"), ""),
        ] {
            assert!(Phc::parse(&text).is_err(), "{text}");
        }
    }

    #[test]
    fn debug_shows_no_secret() {
        let text = format!(
            "$argon2id$v=19$m=19456,t=2,p=1$c29tZXNhbHRzb21lc2FsdA${}",
            "A".repeat(43)
        );
        assert_eq!(
            format!("{:?}", Phc::parse(&text).unwrap()),
            "Phc(m=19456,t=2,p=1, ..)"
        );
    }
}
