//! What a network takes and gives, in the units of the sensor and of the classes: as JSON and as facts for people.

use munas_export::input::{InputConversion, RawType};
use munas_ir::{Shape, TensorId, TensorQuantisation};
use serde::Serialize;

use crate::exported::Exported;

/// The input and output of an int8 network.
#[derive(Debug, Serialize)]
pub struct InterfaceJson {
    input: InputJson,
    output: OutputJson,
}

/// real = raw × scale + offset of the channel; element = real / `quantisation.scale`, rounded (halves to even), plus
/// the zero point, limited to -128..127.
#[derive(Debug, Serialize)]
struct InputJson {
    /// Height, width, channels.
    shape: [usize; 3],
    /// What a raw value is: `u8`, `i8`, `u16`, `i16`, `f32`; null where it is not known.
    raw: Option<RawType>,
    /// By channel.
    scale: Option<Vec<f32>>,
    offset: Option<Vec<f32>>,
    quantisation: QuantisationJson,
}

#[derive(Debug, Serialize)]
struct OutputJson {
    /// Elements: one per class, or the logit of class 1 of two.
    size: usize,
    quantisation: QuantisationJson,
    /// Names of the classes, in order.
    classes: Vec<String>,
}

/// real = scale × (element - zero point).
#[derive(Debug, Serialize)]
struct QuantisationJson {
    scale: f32,
    zero_point: i8,
}

impl From<TensorQuantisation> for QuantisationJson {
    fn from(TensorQuantisation { scale, zero_point }: TensorQuantisation) -> Self {
        Self { scale, zero_point }
    }
}

impl InterfaceJson {
    /// The interface of a network, with the conversion of its input where that is known.
    pub fn of(exported: &Exported) -> Self {
        let Exported { network, conversion, labels, .. } = exported;
        let conversion = conversion.as_ref();
        let (graph, quantisation) = (network.graph(), network.quantisation());
        let Shape { height, width, channels } = graph.input_shape();
        Self {
            input: InputJson {
                shape: [height, width, channels],
                raw: conversion.map(|conversion| conversion.raw),
                scale: conversion.map(|conversion| conversion.scale.clone()),
                offset: conversion.map(|conversion| conversion.offset.clone()),
                quantisation: quantisation.tensor(TensorId::INPUT).into(),
            },
            output: OutputJson {
                size: graph.shape(graph.output()).elements(),
                quantisation: quantisation.tensor(graph.output()).into(),
                classes: labels.clone(),
            },
        }
    }

    /// Lines for people: names and what is to say.
    pub fn facts(&self) -> Vec<(&'static str, String)> {
        let InputJson { shape, raw, scale, offset, quantisation } = &self.input;
        let [height, width, channels] = shape;
        let mut facts = vec![("input", format!("{height}×{width}×{channels}"))];
        let real = match (raw, scale, offset) {
            (Some(raw), Some(scale), Some(offset)) => {
                let conversion = InputConversion { raw: *raw, scale: scale.clone(), offset: offset.clone() };
                facts.extend(conversion_facts(&conversion));
                "normalised"
            }
            _ => "value",
        };
        let QuantisationJson { scale, zero_point } = quantisation;
        facts.push(("int8 input", format!("{real} / {scale}, rounded, {zero_point:+}")));
        let QuantisationJson { scale, zero_point } = &self.output.quantisation;
        let logits = if self.output.size == 1 { "one logit, of class 1" } else { "one logit per class" };
        facts.push(("int8 output", format!("{logits}: {scale} × (element - ({zero_point}))")));
        facts
    }
}

/// What raw values are and what is done to them, for people.
pub fn conversion_facts(conversion: &InputConversion) -> [(&'static str, String); 2] {
    let InputConversion { raw, scale, offset } = conversion;
    let normalised = format!("raw × {}{}", numbers(scale), added(offset));
    [("raw values", raw.name().to_owned()), ("normalised", normalised)]
}

/// What is added: nothing where all are 0.
fn added(values: &[f32]) -> String {
    match values {
        values if values.iter().all(|&value| value == 0.0) => String::new(),
        [first, rest @ ..] if *first < 0.0 && rest.iter().all(|value| value == first) => {
            format!(" - {}", -first)
        }
        values => format!(" + {}", numbers(values)),
    }
}

/// One number where all are equal, a few in full, and of many how many there are.
fn numbers(values: &[f32]) -> String {
    const MOST: usize = 6;
    match values {
        [first, rest @ ..] if rest.iter().all(|value| value == first) => first.to_string(),
        values if values.len() <= MOST => {
            format!("[{}]", values.iter().map(f32::to_string).collect::<Vec<_>>().join(", "))
        }
        values => format!("[{}, {}, … one per channel, all in --json]", values[0], values[1]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_numbers_are_listed_and_many_are_not() {
        assert_eq!(numbers(&[0.5, 0.5]), "0.5");
        assert_eq!(numbers(&[0.5, 0.25]), "[0.5, 0.25]");
        assert_eq!(added(&[-0.5, -0.5]), " - 0.5");
        assert_eq!(added(&[-0.5, 0.25]), " + [-0.5, 0.25]");
        assert_eq!(added(&[0.0, 0.0]), "");
        assert!(numbers(&[1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0]).starts_with("[1, 2, … one per channel"));
    }
}
