//! What the processors have used so far, as their own counters tell.

use std::{
    fs,
    path::{Path, PathBuf},
};

/// The counters of all packages; none on most virtual machines, and where only root may read them.
#[derive(Debug, Clone)]
pub struct EnergyMeter(Vec<PathBuf>);

impl EnergyMeter {
    /// Those of this host.
    pub fn of_host() -> Self {
        Self::below(Path::new("/sys/class/powercap"))
    }

    fn below(zones: &Path) -> Self {
        let zones = fs::read_dir(zones).into_iter().flatten().flatten().map(|zone| zone.path());
        let package = |zone: &PathBuf| {
            fs::read_to_string(zone.join("name")).is_ok_and(|name| name.starts_with("package-"))
        };
        Self(zones.filter(package).map(|zone| zone.join("energy_uj")).collect())
    }

    /// None at all.
    #[cfg(test)]
    pub const fn none() -> Self {
        Self(Vec::new())
    }

    /// Their sum, µJ; none if any is missing.
    pub fn microjoules(&self) -> Option<u64> {
        if self.0.is_empty() {
            return None;
        }
        let read = |file: &PathBuf| fs::read_to_string(file).ok()?.trim().parse::<u64>().ok();
        self.0.iter().map(read).try_fold(0u64, |sum, one| sum.checked_add(one?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packages_are_summed_and_a_missing_one_makes_no_sum() {
        let dir = tempfile::tempdir().unwrap();
        for (zone, name, energy) in [("a", "package-0", "5"), ("b", "package-1", "7"), ("c", "core", "9")] {
            let zone = dir.path().join(zone);
            fs::create_dir(&zone).unwrap();
            fs::write(zone.join("name"), name).unwrap();
            fs::write(zone.join("energy_uj"), energy).unwrap();
        }
        let meter = EnergyMeter::below(dir.path());
        assert_eq!(meter.microjoules(), Some(12));
        fs::remove_file(dir.path().join("b/energy_uj")).unwrap();
        assert_eq!(meter.microjoules(), None);
        assert_eq!(EnergyMeter::none().microjoules(), None);
    }
}
