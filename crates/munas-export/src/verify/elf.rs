//! Sizes of object files and firmware, read from their ELF sections.

use std::{fs, ops::AddAssign, path::Path};

use object::{Object, ObjectSection, ObjectSymbol, SectionFlags, elf};

use super::VerifyError;

/// Bytes of the memory that code and data take, by kind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sizes {
    /// Machine code, in program memory.
    pub text: u64,
    /// Constants in program memory: weights, biases, multipliers.
    pub rodata: u64,
    /// Variables with a value at the start: both in program memory and in RAM.
    pub data: u64,
    /// Variables that start as zero: in RAM, the arena among them.
    pub bss: u64,
}

impl Sizes {
    /// Bytes of program memory.
    pub const fn flash(&self) -> u64 {
        self.text + self.rodata + self.data
    }
}

impl AddAssign for Sizes {
    fn add_assign(&mut self, other: Self) {
        self.text += other.text;
        self.rodata += other.rodata;
        self.data += other.data;
        self.bss += other.bss;
    }
}

/// Sizes of the sections that are loaded.
pub(super) fn sizes(path: &Path) -> Result<Sizes, VerifyError> {
    with_object(path, |object| {
        let mut sizes = Sizes::default();
        for section in object.sections() {
            let SectionFlags::Elf { sh_flags: flags, sh_type } = section.flags() else { continue };
            if !flags.contains(elf::SHF_ALLOC) {
                continue;
            }
            let kind = match (flags.contains(elf::SHF_WRITE), flags.contains(elf::SHF_EXECINSTR)) {
                (true, _) if sh_type == elf::SHT_NOBITS => &mut sizes.bss,
                (true, _) => &mut sizes.data,
                (false, true) => &mut sizes.text,
                (false, false) => &mut sizes.rodata,
            };
            *kind += section.size();
        }
        sizes
    })
}

/// The size of a symbol; `None` if there is none of this name.
pub(super) fn symbol_size(path: &Path, name: &str) -> Result<Option<u64>, VerifyError> {
    with_object(path, |object| {
        let mut symbols = object.symbols();
        symbols.find(|symbol| symbol.name() == Ok(name)).map(|symbol| symbol.size())
    })
}

fn with_object<T>(path: &Path, read: impl FnOnce(&object::File<'_>) -> T) -> Result<T, VerifyError> {
    let bytes = fs::read(path).map_err(|error| VerifyError::file("read", path, error))?;
    let object = object::File::parse(&*bytes);
    let object =
        object.map_err(|error| VerifyError::Elf { path: path.to_owned(), reason: error.to_string() });
    object.map(|object| read(&object))
}

#[cfg(test)]
mod tests {
    use object::{
        Architecture, BinaryFormat, Endianness, SectionKind, SymbolFlags, SymbolKind, SymbolScope,
        write::{self, StandardSection, Symbol, SymbolSection},
    };

    use super::*;

    /// An object file for Arm with a section of each kind and the symbol `munas_arena`.
    fn example() -> Vec<u8> {
        let mut file = write::Object::new(BinaryFormat::Elf, Architecture::Arm, Endianness::Little);
        for (section, bytes) in
            [(StandardSection::Text, 20), (StandardSection::ReadOnlyData, 48), (StandardSection::Data, 4)]
        {
            let section = file.section_id(section);
            file.append_section_data(section, &vec![0; bytes], 4);
        }
        let comment = file.add_section(Vec::new(), b".comment".to_vec(), SectionKind::OtherString);
        file.append_section_data(comment, b"compiler", 1);
        let bss = file.section_id(StandardSection::UninitializedData);
        let value = file.append_section_bss(bss, 100, 4);
        file.add_symbol(Symbol {
            name: b"munas_arena".to_vec(),
            value,
            size: 96,
            kind: SymbolKind::Data,
            scope: SymbolScope::Compilation,
            weak: false,
            section: SymbolSection::Section(bss),
            flags: SymbolFlags::None,
        });
        file.write().unwrap()
    }

    #[test]
    fn sections_count_by_their_flags() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("model.o");
        fs::write(&path, example()).unwrap();
        let found = sizes(&path).unwrap();
        assert_eq!(found, Sizes { text: 20, rodata: 48, data: 4, bss: 100 });
        assert_eq!(found.flash(), 72);
        assert_eq!(symbol_size(&path, "munas_arena").unwrap(), Some(96));
        assert_eq!(symbol_size(&path, "arena").unwrap(), None);
    }

    #[test]
    fn a_cut_file_is_refused() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("model.o");
        fs::write(&path, &example()[..40]).unwrap();
        assert!(matches!(sizes(&path), Err(VerifyError::Elf { .. })));
        assert!(matches!(sizes(&directory.path().join("none")), Err(VerifyError::File { .. })));
    }
}
