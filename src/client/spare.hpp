// spare.hpp - large buffers that a line needs only while it is busy: each thread keeps one of a kind.
//
// So ten thousand idle lines hold none, and a busy one pays no allocation for each message.
#pragma once

#include <memory>

namespace postrider::line {

template <class T>
class spare {
  public:
    /// The thread's spare one, or a new one; not initialised beyond what T's constructor does.
    static std::unique_ptr<T> take() {
        return kept() ? std::move(kept()) : std::make_unique_for_overwrite<T>();
    }
    /// Becomes the thread's spare one, unless there is one.
    static void give(std::unique_ptr<T> used) noexcept {
        if (!kept()) {
            kept() = std::move(used);
        }
    }

  private:
    static std::unique_ptr<T>& kept() noexcept {
        thread_local std::unique_ptr<T> of_the_thread;
        return of_the_thread;
    }
};

} // namespace postrider::line
