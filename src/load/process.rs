//! What a process has used, as Linux tells it in `/proc`; elsewhere nothing is known.

use std::{fs, time::Duration};

/// Ticks of `/proc/PID/stat` in a second: fixed at 100 for programs on every Linux that Rust runs on.
const TICKS_PER_SECOND: u64 = 100;

/// Processor time and memory.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Usage {
    pub(super) cpu: Duration,
    pub(super) peak_bytes: u64,
}

impl Usage {
    /// What the process has used so far.
    pub(super) fn of(pid: u32) -> Option<Self> {
        let cpu = cpu(&fs::read_to_string(format!("/proc/{pid}/stat")).ok()?)?;
        // One that has ended, and that nobody has asked how, has no memory any more.
        let peak_bytes = peak(&fs::read_to_string(format!("/proc/{pid}/status")).ok()?).unwrap_or_default();
        Some(Self { cpu, peak_bytes })
    }

    /// What was used since `before`; the peak is that of the process's whole life.
    pub(super) fn since(self, before: Self) -> Self {
        Self { cpu: self.cpu.saturating_sub(before.cpu), ..self }
    }

    /// Two processes that ran one after the other.
    pub(super) fn and(self, other: Self) -> Self {
        Self { cpu: self.cpu + other.cpu, peak_bytes: self.peak_bytes.max(other.peak_bytes) }
    }
}

/// User and system time. The name of the command comes before and may hold anything, also parentheses.
fn cpu(stat: &str) -> Option<Duration> {
    let mut after_name = stat.rsplit_once(')')?.1.split_ascii_whitespace().skip(11);
    let mut ticks = || after_name.next()?.parse::<u64>().ok();
    let ticks = ticks()? + ticks()?;
    Some(Duration::from_millis(ticks * 1_000 / TICKS_PER_SECOND))
}

fn peak(status: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kib: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kib * 1_024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn processor_time_is_found_behind_any_name() {
        let stat = "12 (a) b (c) S 1 12 12 0 -1 4194560 1 0 0 0 150 50 0 0 20 0 9 0 100 1 1";
        assert_eq!(cpu(stat), Some(Duration::from_secs(2)));
        assert_eq!(cpu("nonsense"), None);
    }

    #[test]
    fn peak_memory_is_in_bytes() {
        assert_eq!(peak("VmPeak:\t 9 kB\nVmHWM:\t    2048 kB\nVmRSS:\t 1 kB\n"), Some(2_048 * 1_024));
        assert_eq!(peak("Name: x"), None);
    }
}
