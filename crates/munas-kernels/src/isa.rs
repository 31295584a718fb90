//! Choice of the instruction set at run time.

use std::fmt;
use std::str::FromStr;

/// An instruction set that the kernels exist for, in order of speed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Isa {
    /// The scalar reference implementations.
    Scalar,
    /// The vector kernels over plain arrays, compiled for the target's baseline (SSE2 on x86-64, NEON on AArch64).
    Portable,
    /// NEON, on AArch64: four lanes per register.
    Neon,
    /// AVX2 with FMA: eight lanes per register.
    Avx2,
    /// AVX-512F: sixteen lanes per register.
    Avx512,
}

impl Isa {
    /// Every instruction set, slowest first.
    pub const ALL: [Self; 5] = [Self::Scalar, Self::Portable, Self::Neon, Self::Avx2, Self::Avx512];

    /// The fastest instruction set of this processor, or the one that the environment variable `MUNAS_ISA` names
    /// (`scalar`, `portable`, `neon`, `avx2`, `avx512`) when this processor has it; other values are ignored.
    pub fn detect() -> Self {
        let wanted = std::env::var("MUNAS_ISA").ok().and_then(|name| name.parse().ok());
        wanted.filter(|isa: &Self| isa.is_available()).unwrap_or_else(Self::fastest)
    }

    /// The fastest instruction set of this processor.
    pub fn fastest() -> Self {
        Self::ALL.into_iter().rev().find(|isa| isa.is_available()).unwrap_or(Self::Portable)
    }

    /// Whether this processor can execute it.
    pub fn is_available(self) -> bool {
        match self {
            Self::Scalar | Self::Portable => true,
            Self::Neon => cfg!(target_arch = "aarch64"),
            #[cfg(target_arch = "x86_64")]
            Self::Avx2 => is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma"),
            #[cfg(target_arch = "x86_64")]
            Self::Avx512 => is_x86_feature_detected!("avx512f"),
            #[cfg(not(target_arch = "x86_64"))]
            Self::Avx2 | Self::Avx512 => false,
        }
    }

    /// The name that `MUNAS_ISA` understands.
    pub fn name(self) -> &'static str {
        match self {
            Self::Scalar => "scalar",
            Self::Portable => "portable",
            Self::Neon => "neon",
            Self::Avx2 => "avx2",
            Self::Avx512 => "avx512",
        }
    }
}

impl fmt::Display for Isa {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

/// The name of no instruction set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnknownIsa(pub String);

impl fmt::Display for UnknownIsa {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{:?} is none of scalar, portable, neon, avx2, avx512", self.0)
    }
}

impl std::error::Error for UnknownIsa {}

impl FromStr for Isa {
    type Err = UnknownIsa;

    fn from_str(name: &str) -> Result<Self, UnknownIsa> {
        let found = Self::ALL.into_iter().find(|isa| isa.name() == name);
        found.ok_or_else(|| UnknownIsa(name.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_round_trip_and_others_are_refused() {
        for isa in Isa::ALL {
            assert_eq!(isa.to_string().parse(), Ok(isa));
        }
        assert_eq!("sse9".parse::<Isa>(), Err(UnknownIsa("sse9".to_owned())));
    }

    #[test]
    fn what_is_chosen_is_available() {
        assert!(Isa::Scalar.is_available() && Isa::Portable.is_available());
        assert!(Isa::fastest().is_available() && Isa::detect().is_available());
        assert_ne!(Isa::fastest(), Isa::Scalar);
    }
}
