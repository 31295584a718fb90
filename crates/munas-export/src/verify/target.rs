//! The emulated boards: compiler, memory map, emulator and counter of each.
//!
//! QEMU runs with `-icount shift=6`, under which every instruction takes 64 ns of emulated time, so a timer of the board
//! counts instructions. simavr is cycle-accurate, and there the timers count cycles.

use munas_cost::CountUnit;

/// A program that has to be on the PATH.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tool {
    /// The name that is looked for on the PATH.
    pub program: &'static str,
    /// The Debian packages that bring it, and what it needs beside it.
    pub packages: &'static str,
}

/// The C compiler of the host.
pub const HOST_COMPILER: Tool = Tool { program: "gcc", packages: "gcc libc6-dev" };

/// The program that builds the example project.
pub const MAKE: Tool = Tool { program: "make", packages: "make" };

const ARM_COMPILER: Tool =
    Tool { program: "arm-none-eabi-gcc", packages: "gcc-arm-none-eabi libnewlib-arm-none-eabi" };
const RISCV_COMPILER: Tool = Tool {
    program: "riscv64-unknown-elf-gcc",
    packages: "gcc-riscv64-unknown-elf picolibc-riscv64-unknown-elf",
};
const AVR_COMPILER: Tool = Tool { program: "avr-gcc", packages: "gcc-avr avr-libc" };
const QEMU_ARM: Tool = Tool { program: "qemu-system-arm", packages: "qemu-system-arm" };
const QEMU_RISCV: Tool = Tool { program: "qemu-system-riscv32", packages: "qemu-system-misc" };
const SIMAVR: Tool = Tool { program: "simavr", packages: "simavr" };

/// An emulated board.
#[derive(Debug, PartialEq)]
pub struct Target {
    /// The name, as the emulator spells it.
    pub name: &'static str,
    /// The core, by the name that [`munas_cost::instruction_models`] uses.
    pub core: &'static str,
    /// What its counter counts.
    pub unit: CountUnit,
    /// RAM of the board in bytes.
    pub ram: u32,
    /// Bytes of program memory.
    pub flash: u32,
    pub(super) family: Family,
    pub(super) machine_flags: &'static [&'static str],
    /// Macro that chooses the counter in `cortex_m.c`.
    counter_flag: Option<&'static str>,
    /// Counter ticks for each instruction or cycle.
    pub(super) ticks_per_count: f64,
    ram_origin: u32,
}

/// What boards with the same kind of core have in common.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Family {
    CortexM,
    RiscV,
    Avr,
}

/// A source text of the harness.
pub(super) struct HarnessFile {
    pub name: &'static str,
    pub text: &'static str,
}

/// No emulated board has this name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("there is no emulated board `{name}` (known: {known})")]
pub struct UnknownTarget {
    /// The name asked for.
    pub name: String,
    /// The names there are, separated by commas.
    pub known: String,
}

const MIB: u32 = 1 << 20;
const KIB: u32 = 1 << 10;

/// Newlib with system calls that do nothing.
const NO_SYSTEM_CALLS: &str = "--specs=nosys.specs";

/// Ticks of a counter at `hertz` in the 64 ns of emulated time that an instruction takes.
const fn ticks_per_instruction(hertz: f64) -> f64 {
    64e-9 * hertz
}

const fn mps2(name: &'static str, core: &'static str, machine_flags: &'static [&'static str]) -> Target {
    Target {
        name,
        core,
        unit: CountUnit::Instructions,
        ram: 4 * MIB,
        flash: 4 * MIB,
        family: Family::CortexM,
        machine_flags,
        counter_flag: Some("-DHARNESS_TIMER_CMSDK=0x40000000u"),
        ticks_per_count: ticks_per_instruction(25e6),
        ram_origin: 0x2000_0000,
    }
}

/// All emulated boards.
pub static TARGETS: [Target; 7] = [
    mps2("mps2-an385", "cortex-m3", &["-mcpu=cortex-m3", "-mthumb", NO_SYSTEM_CALLS]),
    mps2("mps2-an386", "cortex-m4", &["-mcpu=cortex-m4", "-mthumb", NO_SYSTEM_CALLS]),
    mps2("mps2-an500", "cortex-m7", &["-mcpu=cortex-m7", "-mthumb", NO_SYSTEM_CALLS]),
    Target {
        ram: 512 * KIB,
        flash: 512 * KIB,
        counter_flag: Some("-DHARNESS_TIMER_SSE=0x58100000u"),
        ticks_per_count: ticks_per_instruction(32e6),
        ..mps2("mps3-an547", "cortex-m55", &["-mcpu=cortex-m55+nofp", "-mthumb", NO_SYSTEM_CALLS])
    },
    Target {
        ram: 16 * KIB,
        flash: 256 * KIB,
        counter_flag: Some("-DHARNESS_TIMER_NRF51"),
        ticks_per_count: ticks_per_instruction(16e6),
        ..mps2("microbit", "cortex-m0", &["-mcpu=cortex-m0", "-mthumb", NO_SYSTEM_CALLS])
    },
    Target {
        name: "virt",
        core: "rv32imc",
        unit: CountUnit::Instructions,
        ram: 4 * MIB,
        flash: 0,
        family: Family::RiscV,
        machine_flags: &["-march=rv32imc", "-mabi=ilp32", "--specs=picolibc.specs"],
        counter_flag: None,
        ticks_per_count: 1.0,
        ram_origin: 0x8000_0000,
    },
    Target {
        name: "atmega1284p",
        core: "avr",
        unit: CountUnit::Cycles,
        ram: 16 * KIB,
        flash: 128 * KIB,
        family: Family::Avr,
        machine_flags: &["-mmcu=atmega1284p"],
        counter_flag: None,
        ticks_per_count: 1.0,
        ram_origin: 0,
    },
];

impl Target {
    /// The emulated board of a name.
    ///
    /// # Errors
    /// [`UnknownTarget`] with the names there are.
    pub fn find(name: &str) -> Result<&'static Self, UnknownTarget> {
        TARGETS.iter().find(|target| target.name == name).ok_or_else(|| UnknownTarget {
            name: name.to_owned(),
            known: TARGETS.each_ref().map(|target| target.name).join(", "),
        })
    }

    /// Bytes of samples that one firmware has room for, beside a network.
    pub(super) const fn sample_bytes(&self) -> usize {
        // RISC-V has everything in RAM. An array of avr-gcc has less than 32 KiB.
        let memory = if self.flash == 0 { self.ram } else { self.flash };
        match self.family {
            Family::Avr => 32_000,
            Family::CortexM | Family::RiscV => memory as usize / 4,
        }
    }

    /// The cross compiler that builds firmware for it.
    pub const fn compiler(&self) -> Tool {
        match self.family {
            Family::CortexM => ARM_COMPILER,
            Family::RiscV => RISCV_COMPILER,
            Family::Avr => AVR_COMPILER,
        }
    }

    /// The emulator that runs firmware of it.
    pub const fn emulator(&self) -> Tool {
        match self.family {
            Family::CortexM => QEMU_ARM,
            Family::RiscV => QEMU_RISCV,
            Family::Avr => SIMAVR,
        }
    }

    /// The part of the harness that knows the board.
    pub(super) const fn platform(&self) -> HarnessFile {
        match self.family {
            Family::CortexM => HarnessFile { name: "cortex_m.c", text: include_str!("harness/cortex_m.c") },
            Family::RiscV => HarnessFile { name: "riscv.c", text: include_str!("harness/riscv.c") },
            Family::Avr => HarnessFile { name: "avr.c", text: include_str!("harness/avr.c") },
        }
    }

    /// The linker script; the AVR has that of avr-libc.
    pub(super) const fn linker_script(&self) -> Option<HarnessFile> {
        match self.family {
            Family::CortexM => {
                Some(HarnessFile { name: "cortex_m.ld", text: include_str!("harness/cortex_m.ld") })
            }
            Family::RiscV => Some(HarnessFile { name: "riscv.ld", text: include_str!("harness/riscv.ld") }),
            Family::Avr => None,
        }
    }

    /// Compiler options for the harness. Its loops are not to become calls of memset before memory is set up.
    pub(super) fn harness_flags(&self) -> Vec<&'static str> {
        let common: &[&str] = match self.family {
            Family::CortexM | Family::RiscV => {
                &["-std=c99", "-O2", "-ffreestanding", "-fno-tree-loop-distribute-patterns"]
            }
            Family::Avr => &["-std=gnu99", "-O2"],
        };
        common.iter().copied().chain(self.counter_flag).collect()
    }

    /// Linker options, the script included.
    pub(super) fn linker_flags(&self) -> Vec<String> {
        let define = |symbol: &str, value: u32| format!("-Wl,--defsym=HARNESS_{symbol}={value:#x}");
        if self.family == Family::Avr {
            return vec!["-Wl,--gc-sections".to_owned()];
        }
        let script = self.linker_script().map(|script| format!("-T{}", script.name));
        let fixed = ["-nostartfiles", "-Wl,--gc-sections", "-Wl,--no-warn-rwx-segments"];
        let memory = [
            define("FLASH", 0),
            define("FLASH_BYTES", self.flash),
            define("RAM", self.ram_origin),
            define("RAM_BYTES", self.ram),
        ];
        fixed.map(str::to_owned).into_iter().chain(memory).chain(script).collect()
    }

    /// Arguments of the emulator, which runs `firmware`.
    pub(super) fn emulator_arguments<'a>(&'a self, firmware: &'a str) -> Vec<&'a str> {
        const COUNTED: [&str; 10] = [
            "-display",
            "none",
            "-monitor",
            "none",
            "-serial",
            "null",
            "-icount",
            "shift=6,align=off,sleep=off",
            "-semihosting-config",
            "enable=on,target=native",
        ];
        let machine: &[&str] = match self.family {
            Family::CortexM => &["-M", self.name, "-kernel", firmware],
            Family::RiscV => &["-M", self.name, "-cpu", "rv32", "-bios", "none", "-kernel", firmware],
            Family::Avr => return vec!["-m", self.name, "-f", "16000000", firmware],
        };
        machine.iter().copied().chain(COUNTED).collect()
    }
}
