//! The methods for the clocks, which the builders of two simulators have in common.

/// Writes the methods of a builder with the fields `now: Option<Clock>` and `throttle_clock: Option<Elapsed>`.
macro_rules! clock_setters {
    ($builder:ident) => {
        impl $builder {
            /// The simulated time, which then stands still. Default: the time of the start.
            pub fn now(self, now: jiff::Timestamp) -> Self {
                self.now_from(move || now)
            }

            /// The simulated time, asked for with every request: records grow older as it moves.
            pub fn now_from(mut self, now: impl Fn() -> jiff::Timestamp + Send + Sync + 'static) -> Self {
                self.now = Some($crate::client::Clock::from_fn(now));
                self
            }

            /// The clock of the throttle: the time since any fixed moment. Default: the monotonic clock of the system.
            pub fn throttle_clock(mut self, clock: impl Fn() -> std::time::Duration + Send + Sync + 'static) -> Self {
                self.throttle_clock = Some($crate::testing::time::Elapsed::from_fn(clock));
                self
            }
        }
    };
}

pub(crate) use clock_setters;
