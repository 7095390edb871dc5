//! The guests of a stage: a fresh one for each split of each batch, or, where the query asks for it, one that served
//! another split before.

use std::sync::{Arc, Mutex, PoisonError};

use crate::error::{Error, Result};
use crate::udf::{Moment, Transform, TransformInstance};

pub struct Guests {
    transform: Arc<Transform>,
    /// Guests that wait for their next split; none if each is used once. There are never more than threads of the query.
    waiting: Option<Mutex<Vec<TransformInstance>>>,
}

impl Guests {
    pub fn new(transform: Arc<Transform>, reuse: bool) -> Guests {
        Guests { transform, waiting: reuse.then(Mutex::default) }
    }

    /// A guest for a split, which comes back when it is dropped.
    pub fn take(self: &Arc<Guests>, moment: Moment) -> Result<Guest> {
        let waiting = |guests: &Mutex<Vec<_>>| guests.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let instance = match self.waiting.as_ref().and_then(waiting) {
            Some(mut instance) => {
                instance.begin(moment)?;
                instance
            }
            None => self.transform.open(moment)?,
        };
        Ok(Guest { instance: Some(instance), home: self.clone() })
    }
}

/// A guest while it serves a split.
pub struct Guest {
    instance: Option<TransformInstance>,
    home: Arc<Guests>,
}

impl Guest {
    pub fn get(&mut self) -> Result<&mut TransformInstance> {
        self.instance.as_mut().ok_or_else(|| Error::internal("a stage has lost its guest"))
    }
}

impl Drop for Guest {
    /// One that failed is gone.
    fn drop(&mut self) {
        if let (Some(waiting), Some(instance)) = (&self.home.waiting, self.instance.take())
            && instance.is_alive()
        {
            waiting.lock().unwrap_or_else(PoisonError::into_inner).push(instance);
        }
    }
}
