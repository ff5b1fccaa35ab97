// secret.hpp - a password in memory: wiped when it goes, and without a way to print it by accident.
#pragma once

#include <cstddef>
#include <memory>
#include <string_view>

namespace postrider {

/// Overwrites memory in a way that the compiler may not leave out.
void wipe(void* memory, std::size_t size) noexcept;

/// Octets that nobody shall see. The space is overwritten when the value is destroyed, assigned to or moved
/// from; it never sits in a std::string, whose short form stays behind in moved-from objects. There is no
/// conversion to text and no stream operator: reveal() is what to look for in a review.
class secret {
  public:
    secret() noexcept = default;
    /// Copies the octets; wiping the source is the caller's part (see wipe).
    explicit secret(std::string_view octets);
    secret(const secret& other) : secret(other.reveal()) {}
    secret(secret&& other) noexcept;
    secret& operator=(const secret& other);
    secret& operator=(secret&& other) noexcept;
    ~secret();

    bool empty() const noexcept { return size_ == 0; }
    std::size_t size() const noexcept { return size_; }
    /// The octets; valid until the secret changes. Not terminated by NUL.
    std::string_view reveal() const noexcept { return {octets_.get(), size_}; }

    /// In time that depends on the sizes only.
    friend bool operator==(const secret& a, const secret& b) noexcept;

  private:
    std::unique_ptr<char[]> octets_;
    std::size_t size_ = 0;
};

} // namespace postrider
