//! The reader of the JSON form, which knows the path of every field.

use munas_ir::{Activation, Padding, PoolKind};
use serde_json::{Map, Value};

use super::GLOBAL_AVG;
use crate::{
    Architecture, ArchitectureError, Block, Cnn, FieldError, Kind, Layer, LayerKind, LayerOp, Mlp, Pool,
    names::Named,
};

type Read<T> = Result<T, ArchitectureError>;

pub(super) fn architecture(kind: Kind, value: &Value) -> Read<Architecture> {
    let root = Field { path: String::new(), value };
    Ok(match kind {
        Kind::Cnn2d => Architecture::Cnn2d(cnn(&root)?),
        Kind::Cnn1d => Architecture::Cnn1d(cnn(&root)?),
        Kind::Mlp => {
            Architecture::Mlp(Mlp { dense: root.object(&["dense"])?.get("dense")?.list(Field::size)? })
        }
    })
}

fn cnn(root: &Field) -> Read<Cnn> {
    let root = root.object(&["blocks", "pool", "dense"])?;
    let blocks = root.get("blocks")?.list(block)?;
    let pool_field = root.get("pool")?;
    let pool = if pool_field.value.is_null() { None } else { Some(pool(&pool_field)?) };
    Ok(Cnn { blocks, pool, dense: root.get("dense")?.list(Field::size)? })
}

fn block(field: &Field) -> Read<Block> {
    let block = field.object(&["branch", "residual", "layers"])?;
    Ok(Block {
        branch: block.get("branch")?.flag()?,
        residual: block.find("residual").map_or(Ok(false), |field| field.flag())?,
        layers: block.get("layers")?.list(layer)?,
    })
}

fn layer(field: &Field) -> Read<Layer> {
    let kind: LayerKind = field.any_object()?.get("op")?.named()?;
    let known: &[&str] = match kind {
        LayerKind::Conv => {
            &["op", "kernel", "filters", "stride", "padding", "pre_pool", "batch_norm", "relu", "activation"]
        }
        LayerKind::Pointwise => &["op", "filters", "pre_pool", "batch_norm", "relu", "activation"],
        LayerKind::Depthwise => {
            &["op", "kernel", "stride", "padding", "pre_pool", "batch_norm", "relu", "activation"]
        }
    };
    let layer = field.object(known)?;
    let size = |name| layer.get(name)?.size();
    let padding = || layer.find("padding").map_or(Ok(Padding::Valid), |field| field.named());
    let op = match kind {
        LayerKind::Conv => LayerOp::Conv {
            kernel: size("kernel")?,
            filters: size("filters")?,
            stride: size("stride")?,
            padding: padding()?,
        },
        LayerKind::Pointwise => LayerOp::Pointwise { filters: size("filters")? },
        LayerKind::Depthwise => {
            LayerOp::Depthwise { kernel: size("kernel")?, stride: size("stride")?, padding: padding()? }
        }
    };
    let flag = |name| layer.get(name)?.flag();
    let activation = activation(&layer)?;
    Ok(Layer { op, pre_pool: flag("pre_pool")?, batch_norm: flag("batch_norm")?, activation })
}

/// `relu` says whether there is one, or `activation` names it.
fn activation(layer: &Object) -> Read<Activation> {
    match (layer.find("relu"), layer.find("activation")) {
        (Some(_), Some(field)) => {
            Err(FieldError::NotAllowed { reason: "`relu` says already what it is" }.at(field.path))
        }
        (None, Some(field)) => field.named(),
        (_, None) => Ok(Activation::from_relu_flag(layer.get("relu")?.flag()?)),
    }
}

fn pool(field: &Field) -> Read<Pool> {
    let kind = field.any_object()?.get("kind")?;
    if kind.value == GLOBAL_AVG {
        field.object(&["kind"])?;
        return Ok(Pool::GlobalAvg);
    }
    let kind = kind.text().and_then(|name| {
        let allowed = || format!("{}, {GLOBAL_AVG}", PoolKind::all_names());
        let problem = || FieldError::NotOneOf { found: name.into(), allowed: allowed() };
        PoolKind::from_name(name).ok_or_else(|| problem().at(kind.path.clone()))
    })?;
    Ok(Pool::Window { kind, size: field.object(&["kind", "size"])?.get("size")?.size()? })
}

/// A value with the path that leads to it.
struct Field<'a> {
    path: String,
    value: &'a Value,
}

impl<'a> Field<'a> {
    fn any_object(&self) -> Read<Object<'a>> {
        match self.value {
            Value::Object(fields) => Ok(Object { path: self.path.clone(), fields }),
            _ => Err(self.wrong_type("an object")),
        }
    }

    fn object(&self, known: &[&str]) -> Read<Object<'a>> {
        let object = self.any_object()?;
        match object.fields.keys().find(|name| !known.contains(&name.as_str())) {
            Some(unknown) => {
                Err(FieldError::Unknown { expected: known.join(", ") }.at(object.path_of(unknown)))
            }
            None => Ok(object),
        }
    }

    fn list<T>(&self, read: impl Fn(&Field<'a>) -> Read<T>) -> Read<Vec<T>> {
        let Value::Array(values) = self.value else { return Err(self.wrong_type("a list")) };
        let fields = values.iter().enumerate();
        fields.map(|(i, value)| read(&Field { path: format!("{}[{i}]", self.path), value })).collect()
    }

    fn size(&self) -> Read<usize> {
        let number = self.value.as_u64().and_then(|number| usize::try_from(number).ok());
        number.ok_or_else(|| self.wrong_type("a whole number"))
    }

    fn flag(&self) -> Read<bool> {
        self.value.as_bool().ok_or_else(|| self.wrong_type("true or false"))
    }

    fn text(&self) -> Read<&'a str> {
        self.value.as_str().ok_or_else(|| self.wrong_type("a name"))
    }

    fn named<T: Named>(&self) -> Read<T> {
        let name = self.text()?;
        let problem = || FieldError::NotOneOf { found: name.into(), allowed: T::all_names() };
        T::from_name(name).ok_or_else(|| problem().at(self.path.clone()))
    }

    fn wrong_type(&self, expected: &'static str) -> ArchitectureError {
        let found = match self.value {
            Value::Object(_) => "an object".into(),
            Value::Array(_) => "a list".into(),
            plain => plain.to_string(),
        };
        FieldError::WrongType { expected, found }.at(self.path.clone())
    }
}

/// The fields of an object with the path that leads to it.
struct Object<'a> {
    path: String,
    fields: &'a Map<String, Value>,
}

impl<'a> Object<'a> {
    fn path_of(&self, name: &str) -> String {
        if self.path.is_empty() { name.into() } else { format!("{}.{name}", self.path) }
    }

    fn find(&self, name: &str) -> Option<Field<'a>> {
        self.fields.get(name).map(|value| Field { path: self.path_of(name), value })
    }

    fn get(&self, name: &str) -> Read<Field<'a>> {
        self.find(name).ok_or_else(|| FieldError::Missing.at(self.path_of(name)))
    }
}
