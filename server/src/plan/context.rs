//! What planning takes from outside the query file: the guest runtime, where modules are, the batch environment.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use crate::error::{Error, Result};
use crate::expression::Environment;
use crate::udf::{Module, Runtime};

pub struct PlanContext {
    pub environment: Arc<Environment>,
    runtime: Arc<Runtime>,
    /// Folder of the query file: where relative module paths start.
    base: PathBuf,
    /// Folders in which a module's name is looked up, in order.
    folders: Vec<PathBuf>,
    loaded: Mutex<BTreeMap<PathBuf, Arc<Module>>>,
}

impl PlanContext {
    pub fn new(runtime: Arc<Runtime>, base: PathBuf, folders: Vec<PathBuf>) -> PlanContext {
        let environment = Arc::new(Environment::new());
        PlanContext { environment, runtime, base, folders, loaded: Mutex::new(BTreeMap::new()) }
    }

    pub fn base(&self) -> &Path {
        &self.base
    }

    /// The module that `udf.module` means: a path that ends in `.wasm`, or a name in the modules folders.
    pub fn module(&self, name: &str) -> Result<Arc<Module>> {
        let path = self.find(name)?;
        let mut loaded = self.loaded.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(module) = loaded.get(&path) {
            return Ok(module.clone());
        }
        let bytes = std::fs::read(&path).map_err(|e| {
            Error::user("cannot read the module").with("module", name).with("path", path.display()).because(e)
        })?;
        let module = self.runtime.load(&bytes).map_err(|e| {
            Error::new(e.kind(), "cannot load the module").with("path", path.display()).because(e)
        })?;
        loaded.insert(path, module.clone());
        Ok(module)
    }

    /// The digest of each module loaded, by the name of its file.
    pub fn module_digests(&self) -> BTreeMap<String, String> {
        let loaded = self.loaded.lock().unwrap_or_else(PoisonError::into_inner);
        let name = |path: &PathBuf| path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        loaded.iter().map(|(path, module)| (name(path), module.digest().to_string())).collect()
    }

    fn find(&self, name: &str) -> Result<PathBuf> {
        if name.ends_with(".wasm") {
            return Ok(self.base.join(name));
        }
        let is_plain =
            !name.is_empty() && name.chars().all(|c| c.is_alphanumeric() || matches!(c, '_' | '-'));
        let file = format!("{name}.wasm");
        let found = self.folders.iter().map(|folder| folder.join(&file)).find(|path| path.is_file());
        match found.filter(|_| is_plain) {
            Some(path) => Ok(path),
            None => Err(Error::user("there is no such module").with("module", name).hint(self.known())),
        }
    }

    /// Where we looked, and what is there.
    fn known(&self) -> String {
        let mut names: Vec<String> = Vec::new();
        for folder in &self.folders {
            let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
            let files = entries.map(|entry| entry.file_name().to_string_lossy().into_owned());
            names.extend(files.filter_map(|file| file.strip_suffix(".wasm").map(str::to_string)));
        }
        names.sort();
        names.dedup();
        let folders: Vec<_> = self.folders.iter().map(|folder| folder.display().to_string()).collect();
        let folders = folders.join(", ");
        match names.is_empty() {
            true => format!("give the path of a .wasm file, or put {{name}}.wasm into one of: {folders}"),
            false => format!(
                "give the path of a .wasm file, or one of: {} (looked in {folders})",
                names.join(", ")
            ),
        }
    }
}
