// result.hpp - a value or an errc, with the member names of std::expected (which our compilers lack in
// C++20).
#pragma once

#include "postrider/errc.hpp"

#include <type_traits>
#include <utility>

namespace postrider {

/// Holds a T, or the errc that says why there is none. T must be default constructible; the value is
/// default-constructed while has_value() is false. Asking a failed result for its value is misuse.
template <class T>
class [[nodiscard]] result {
  public:
    constexpr result(T value) noexcept(std::is_nothrow_move_constructible_v<T>) : value_(std::move(value)) {}
    constexpr result(errc error) noexcept(std::is_nothrow_default_constructible_v<T>) : error_(error) {}

    constexpr bool has_value() const noexcept { return error_ == errc::ok; }
    constexpr explicit operator bool() const noexcept { return has_value(); }
    /// errc::ok when there is a value.
    constexpr errc error() const noexcept { return error_; }

    constexpr T& value() & noexcept { return value_; }
    constexpr const T& value() const& noexcept { return value_; }
    constexpr T&& value() && noexcept { return std::move(value_); }
    constexpr T& operator*() & noexcept { return value_; }
    constexpr const T& operator*() const& noexcept { return value_; }
    constexpr T&& operator*() && noexcept { return std::move(value_); }
    constexpr T* operator->() noexcept { return &value_; }
    constexpr const T* operator->() const noexcept { return &value_; }
    template <class U>
    constexpr T value_or(U&& other) const& {
        return has_value() ? value_ : static_cast<T>(std::forward<U>(other));
    }

  private:
    T value_{};
    errc error_ = errc::ok;
};

} // namespace postrider
