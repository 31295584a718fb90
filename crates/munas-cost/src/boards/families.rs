//! Families of microcontrollers by the beginnings of their names: which core a chip has that is not in the table.
//!
//! A chip of another core is no replacement, however alike the names are: an ESP32 has two Xtensa cores, an ESP32-C3
//! one of RISC-V. Sources: the product pages of the makers.

/// Chips whose names begin alike and that have one core.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Family {
    /// How the names of its chips and boards begin, in lower case and without hyphens.
    prefixes: &'static [&'static str],
    /// Its core, for people.
    pub core: &'static str,
    /// The cores of the table that run its code in the same time; none where munas has counted no instructions of it.
    pub cores: &'static [&'static str],
}

const M0: &[&str] = &["cortex-m0", "cortex-m0plus"];
const M3: &[&str] = &["cortex-m3"];
const M4: &[&str] = &["cortex-m4"];
const M7: &[&str] = &["cortex-m7"];
const M33: &[&str] = &["cortex-m33"];
const RISC_V: &[&str] = &["esp32-c3"];
const NONE: &[&str] = &[];

/// Longer beginnings stand before shorter ones that they begin with.
const FAMILIES: &[Family] = &[
    Family { prefixes: &["esp32c", "esp32h", "esp32p"], core: "RISC-V", cores: RISC_V },
    Family { prefixes: &["esp32", "esp8266", "nodemcu", "wemos", "ttgo"], core: "Xtensa", cores: NONE },
    Family {
        prefixes: &["stm32f0", "stm32g0", "stm32l0", "stm32c0", "stm32u0"],
        core: "Cortex-M0 or M0+",
        cores: M0,
    },
    Family { prefixes: &["stm32f1", "stm32f2", "stm32l1"], core: "Cortex-M3", cores: M3 },
    Family {
        prefixes: &["stm32f3", "stm32f4", "stm32g4", "stm32l4", "stm32wb5", "stm32wl"],
        core: "Cortex-M4",
        cores: M4,
    },
    Family { prefixes: &["stm32f7", "stm32h7"], core: "Cortex-M7", cores: M7 },
    Family { prefixes: &["stm32h5", "stm32l5", "stm32u5", "stm32wba"], core: "Cortex-M33", cores: M33 },
    Family { prefixes: &["stm32n6"], core: "Cortex-M55", cores: &["cortex-m55"] },
    Family { prefixes: &["stm32mp"], core: "Cortex-A", cores: NONE },
    Family { prefixes: &["nrf51"], core: "Cortex-M0", cores: M0 },
    Family {
        prefixes: &["nrf52", "apollo3", "max3266", "max3267", "cc13", "cc26", "tm4c", "samd51", "same5"],
        core: "Cortex-M4",
        cores: M4,
    },
    Family {
        prefixes: &["nrf53", "nrf54", "nrf91", "rp235", "lpc55", "ra4", "ra6", "efr32"],
        core: "Cortex-M33",
        cores: M33,
    },
    Family { prefixes: &["rp204", "samc2", "samd21", "samd11", "saml21"], core: "Cortex-M0+", cores: M0 },
    Family { prefixes: &["sam3", "lpc17", "efm32g"], core: "Cortex-M3", cores: M3 },
    Family { prefixes: &["imxrt", "mimxrt", "teensy4", "same7", "samv7"], core: "Cortex-M7", cores: M7 },
    Family { prefixes: &["gd32vf", "ch32v", "bl60", "fe310"], core: "RISC-V", cores: RISC_V },
    Family {
        prefixes: &["atmega", "attiny", "arduinouno", "arduinomega", "avr"],
        core: "AVR",
        cores: &["avr"],
    },
    Family { prefixes: &["pic32"], core: "MIPS", cores: NONE },
    Family {
        prefixes: &["raspberrypi3", "raspberrypi4", "raspberrypi5", "bcm2", "jetson"],
        core: "Cortex-A",
        cores: NONE,
    },
];

/// The family of a name, if it is one of those that are known. Names of boards may have the chip behind a maker's
/// prefix.
pub(super) fn family(name: &str) -> Option<&'static Family> {
    let plain: String = name.to_lowercase().chars().filter(char::is_ascii_alphanumeric).collect();
    let chip = plain.strip_prefix("nucleo").map_or(plain.clone(), |chip| format!("stm32{chip}"));
    let is_of = |family: &&Family| family.prefixes.iter().any(|prefix| chip.starts_with(prefix));
    FAMILIES.iter().find(is_of)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::boards::builtin;

    #[test]
    fn boards_of_the_table_have_the_core_of_their_family() {
        for board in builtin().boards() {
            let families: Vec<_> = board.names().filter_map(|name| family(name)).collect();
            assert!(!families.is_empty(), "no family has {}: add how its name begins", board.name);
            for family in families {
                assert!(family.cores.contains(&&*board.core.name), "{} in {family:?}", board.name);
            }
        }
    }

    #[test]
    fn families_name_cores_of_the_table() {
        let table = builtin();
        for family in FAMILIES {
            for core in family.cores {
                assert!(table.cores().iter().any(|known| known.name == *core), "{core}");
            }
        }
    }

    #[test]
    fn a_family_is_told_by_the_longest_beginning() {
        let core = |name: &str| family(name).map(|family| family.core);
        for (name, expected) in [
            ("ESP32", "Xtensa"),
            ("esp32-s3", "Xtensa"),
            ("ESP32-DevKitC", "Xtensa"),
            ("esp32-c6", "RISC-V"),
            ("stm32wb55", "Cortex-M4"),
            ("stm32wba52", "Cortex-M33"),
            ("nucleo-f767zi", "Cortex-M7"),
            ("samd51", "Cortex-M4"),
            ("arduino-uno", "AVR"),
        ] {
            assert_eq!(core(name), Some(expected), "{name}");
        }
        assert_eq!(core("zx81"), None);
    }
}
