//! Energy of one inference: the time that it takes at the board's active power, and the sleep until the next one.
//!
//! | symbol | meaning |
//! |---|---|
//! | `t` | milliseconds of one inference ([`latency_ms`](crate::latency_ms)) |
//! | `P_active`, `P_asleep` | milliwatts while the core computes, and in the deepest sleep that keeps the RAM ([`Power`]) |
//! | `r` | inferences per second |
//!
//! E = t × P_active, and at a rate r also max(0, 1/r − t) × P_asleep.
//!
//! What wakes the board, reads the sensor and acts on the result is the application's and not in it.

use crate::boards::Power;

/// Microjoules of one inference.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct EnergyEstimate {
    /// While the core computes, code and weights in flash: so they are exported.
    pub active: f64,
    /// The same with code and weights in RAM, where the data sheet has a figure for it.
    pub active_from_ram: Option<f64>,
    /// Asleep until the next inference; `None` without a rate, and where the power asleep is not known.
    pub asleep: Option<f64>,
}

impl EnergyEstimate {
    /// What one inference takes in all, as far as it is known.
    pub fn total(&self) -> f64 {
        self.active + self.asleep.unwrap_or(0.0)
    }
}

/// The energy of an inference of so many milliseconds, `rate` times a second or alone. At a rate that the time cannot keep up
/// with there is no sleep.
pub fn energy(milliseconds: f64, power: &Power, rate: Option<f64>) -> EnergyEstimate {
    let idle = rate.map(|rate| (period_ms(rate) - milliseconds).max(0.0));
    EnergyEstimate {
        active: milliseconds * power.active_mw,
        active_from_ram: power.active_from_ram_mw.map(|power| milliseconds * power),
        asleep: power.asleep_mw.zip(idle).map(|(power, idle)| power * idle),
    }
}

/// Milliseconds from one inference to the next, at so many a second: what none may exceed that is to keep up.
pub fn period_ms(rate: f64) -> f64 {
    1e3 / rate
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::boards::find;

    /// 3 V × 3.3 mA = 9.9 mW active and 3 V × 3.16 µA = 9.48 µW asleep: 20 ms take 198 µJ, the other 980 ms of a second
    /// 9.2904 µJ.
    #[test]
    fn an_inference_a_second_sleeps_for_the_rest_of_it() {
        let power = find("nrf52840").unwrap().power.as_ref().unwrap();
        let alone = energy(20.0, power, None);
        assert!((alone.active - 198.0).abs() < 0.2, "{alone:?}");
        assert_eq!((alone.asleep, alone.total()), (None, alone.active));
        let each_second = energy(20.0, power, Some(1.0));
        assert_eq!(each_second.active, alone.active);
        assert!((each_second.asleep.unwrap() - 9.2904).abs() < 1e-9, "{each_second:?}");
        assert!((each_second.total() - 207.29).abs() < 0.2, "{each_second:?}");
        // 3 V × 2.8 mA from RAM.
        assert!((each_second.active_from_ram.unwrap() - 168.0).abs() < 0.2, "{each_second:?}");
    }

    #[test]
    fn a_board_that_cannot_keep_up_does_not_sleep() {
        let power = find("nrf52840").unwrap().power.as_ref().unwrap();
        assert_eq!(period_ms(50.0), 20.0);
        assert_eq!(energy(20.0, power, Some(50.0)).asleep, Some(0.0));
        assert_eq!(energy(21.0, power, Some(50.0)).asleep, Some(0.0));
        assert!(energy(19.0, power, Some(50.0)).asleep.unwrap() > 0.0);
    }

    #[test]
    fn no_power_asleep_is_made_up() {
        let power = find("stm32f446re").unwrap().power.as_ref().unwrap();
        let estimate = energy(10.0, power, Some(2.0));
        assert_eq!((estimate.asleep, estimate.active_from_ram), (None, None));
        assert!((estimate.total() - 1060.0).abs() < 1e-9, "{estimate:?}");
    }
}
