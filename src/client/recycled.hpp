// recycled.hpp - memory for objects that come and go with each message.
//
// What the system's allocator has to search for is here at hand, and still in the nearest caches: the block
// that was used last is the first to be used again. Each thread keeps a few of a kind.
#pragma once

#include <cstddef>
#include <memory>

namespace postrider::line {

// As many as the widest automatic window has messages, and of what is small as many as there are events in
// one turn of Asio's.
template <class T>
constexpr std::size_t recycled_blocks() {
#if defined(__SANITIZE_ADDRESS__)
    return 0; // or the sanitizer would not see what is used after its end
#else
    return sizeof(T) > 1024 ? 64 : 128;
#endif
}

/// An allocator for one object at a time, as std::allocate_shared() wants it.
template <class T>
class recycled {
  public:
    using value_type = T;

    recycled() = default;
    template <class Other>
    recycled(const recycled<Other>&) noexcept {
    } // NOLINT(google-explicit-constructor): so are allocators made

    T* allocate(std::size_t count) {
        store& kept = mine();
        keep_until_the_end();
        return count == 1 && kept.count > 0 ? static_cast<T*>(kept.blocks[--kept.count])
                                            : std::allocator<T>().allocate(count);
    }
    void deallocate(T* block, std::size_t count) noexcept {
        store& kept = mine();
        if (count == 1 && kept.is_open && kept.count < recycled_blocks<T>()) {
            kept.blocks[kept.count++] = block;
        } else {
            std::allocator<T>().deallocate(block, count);
        }
    }
    friend bool operator==(const recycled&, const recycled&) noexcept { return true; }

  private:
    // Stays usable to the very end: what is freed after the thread's last words just is not kept.
    struct store {
        void* blocks[recycled_blocks<T>() + 1];
        std::size_t count;
        bool is_open;
    };
    static store& mine() noexcept {
        thread_local constinit store of_the_thread{};
        return of_the_thread;
    }
    static void keep_until_the_end() {
        struct keeper {
            keeper() { mine().is_open = true; }
            ~keeper() {
                store& kept = mine();
                kept.is_open = false;
                for (; kept.count > 0; --kept.count) {
                    std::allocator<T>().deallocate(static_cast<T*>(kept.blocks[kept.count - 1]), 1);
                }
            }
        };
        thread_local const keeper of_the_thread;
        static_cast<void>(of_the_thread);
    }
};

/// For a std::unique_ptr to what recycled<T> has allocated.
template <class T>
struct recycle {
    void operator()(T* object) const noexcept {
        std::destroy_at(object);
        recycled<T>().deallocate(object, 1);
    }
};

} // namespace postrider::line
