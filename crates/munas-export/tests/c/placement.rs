//! Tables and arenas in sections of the user's, looked up in the object file.

use std::collections::BTreeMap;

use munas_export::c::{CName, CSettings, generate};
use munas_export::input::{InputConversion, RawType};
use object::{Object, ObjectSection, ObjectSymbol};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

use crate::{
    cases,
    compiled::Project,
    networks::{Ranges, case},
};

/// The section of each symbol with data.
type Sections = BTreeMap<String, String>;

fn sections(object: &[u8]) -> Sections {
    let object = object::File::parse(object).unwrap();
    let of_data = object.symbols().filter(|symbol| symbol.size() > 0 && !symbol.is_undefined());
    of_data
        .filter_map(|symbol| {
            let section = object.section_by_index(symbol.section_index()?).ok()?;
            Some((symbol.name().ok()?.to_owned(), section.name().ok()?.to_owned()))
        })
        .collect()
}

/// Compiles a network of this name with further options.
fn compiled(name: &CName, compiler: &str, flags: &[&str]) -> Option<Sections> {
    let mut rng = ChaCha8Rng::seed_from_u64(61);
    let case = case(&cases::every_kernel(), Ranges::Distorted, 0, &mut rng);
    let conversion =
        InputConversion { raw: RawType::F32, scale: vec![0.5, 0.25, 1.0], offset: vec![-0.5, 0.0, 0.5] };
    let labels: Vec<String> = (0..case.network.classes()).map(|class| class.to_string()).collect();
    let settings = CSettings { name, conversion: Some(&conversion), labels: &labels, ..CSettings::default() };
    let project = Project::new(&generate(&case.network, &settings).unwrap().files);
    let source = format!("{name}.c");
    project.compile(compiler, &[&["-std=c99", "-O2", "-c", &source, "-o", "model.o"], flags].concat())?;
    Some(sections(&std::fs::read(project.path().join("model.o")).unwrap()))
}

const FLASH: &str = "=__attribute__((section(\".qspi\")))";
const ARENA: &str = "=__attribute__((section(\".ccmram\"), aligned(8)))";

/// The tables that are constants of the network, by the end of their name.
fn is_table(symbol: &str, prefix: &str) -> bool {
    let tables = ["weights", "scales", "shifts", "input_scales", "input_offsets", "labels"];
    let table = symbol.strip_prefix(prefix).and_then(|rest| rest.strip_prefix('_'));
    table.is_some_and(|table| tables.iter().any(|kind| table.starts_with(kind)))
}

fn check(sections: &Sections, prefix: &str, flash: &str, arena: &str) {
    let tables: Vec<_> = sections.iter().filter(|(symbol, _)| is_table(symbol, prefix)).collect();
    assert!(tables.len() > 10, "{sections:?}");
    for (symbol, section) in tables {
        assert!(section.starts_with(flash), "{symbol} in {section}, not in {flash}");
    }
    let section = &sections[&format!("{prefix}_arena")];
    assert!(section.starts_with(arena), "the arena is in {section}, not in {arena}");
}

/// Compilers, and what they need to compile for a microcontroller.
const COMPILERS: [(&str, &[&str]); 3] = [
    ("gcc", &[]),
    ("arm-none-eabi-gcc", &["-mcpu=cortex-m7", "-mthumb"]),
    ("riscv64-unknown-elf-gcc", &["--specs=picolibc.specs", "-msmall-data-limit=0"]),
];

#[test]
fn tables_and_arena_lie_where_they_are_put() {
    let (model, gesture) = (CName::MODEL, "gesture".parse().unwrap());
    let define = |prefix: &str| [format!("-D{prefix}_FLASH{FLASH}"), format!("-D{prefix}_ARENA{ARENA}")];
    let own = |text: &str| text.replace(".qspi", ".own_flash").replace(".ccmram", ".own_ram");
    let for_all = define("MUNAS");
    let for_one = define("GESTURE").map(|flag| own(&flag));
    let other = define("OTHER");
    let both = [for_all.clone(), for_one.clone()].concat();
    let cases: [(&CName, &[String], &str, &str); 6] = [
        (&model, &[], ".rodata", ".bss"),
        (&model, &for_all, ".qspi", ".ccmram"),
        (&gesture, &for_all, ".qspi", ".ccmram"),
        (&gesture, &for_one, ".own_flash", ".own_ram"),
        (&gesture, &both, ".own_flash", ".own_ram"),
        (&gesture, &other, ".rodata", ".bss"),
    ];
    for (name, flags, flash, arena) in cases {
        let flags: Vec<&str> = flags.iter().map(String::as_str).collect();
        for (compiler, machine) in COMPILERS {
            if let Some(sections) = compiled(name, compiler, &[machine, &flags[..]].concat()) {
                check(&sections, name.prefix(), flash, arena);
            }
        }
    }
}

/// On AVR tables are in flash by themselves, and may be put into another part of it.
#[test]
fn avr_has_its_tables_in_program_memory() {
    let machine = "-mmcu=atmega1284p";
    let Some(sections) = compiled(&CName::MODEL, "avr-gcc", &[machine]) else { return };
    check(&sections, "munas", ".progmem", ".bss");
    let flash = "-DMUNAS_FLASH=__attribute__((section(\".progmem.data.model\")))";
    let sections = compiled(&CName::MODEL, "avr-gcc", &[machine, flash]).unwrap();
    check(&sections, "munas", ".progmem.data.model", ".bss");
}
