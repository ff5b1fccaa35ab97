// resolution.hpp - one name looked up on a thread of its own.
//
// getaddrinfo cannot be interrupted, and may take half a minute when a name server is silent. A resolver that
// joins its thread would make every time-out, every cancellation and the end of the process wait for it. So
// the look-up shares nothing with those who wait but this object, and whoever has waited long enough just
// lets go of it.
#pragma once

#include "postrider/errc.hpp"

#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

namespace postrider::line {

class resolution {
  public:
    using hook = std::function<std::vector<std::string>(const std::string&)>;

    /// Looks `host` up with `own`, or else with the system's resolver. Throws std::system_error when no
    /// thread or descriptor is to be had.
    static std::shared_ptr<resolution> start(std::string host, hook own);
    ~resolution();
    resolution(const resolution&) = delete;
    resolution& operator=(const resolution&) = delete;

    /// Becomes readable when the result is there. Belongs to this object.
    int descriptor() const { return descriptor_; }

    struct answer {
        std::vector<std::string> addresses; ///< numeric, in order of preference
        errc error = errc::ok;
        std::string detail;
    };
    /// The result, once; nothing while it is not there yet.
    std::optional<answer> take();

  private:
    explicit resolution(int descriptor) : descriptor_(descriptor) {}
    void finish(answer found);

    const int descriptor_;
    std::mutex mutex_;
    std::optional<answer> answer_;
};

} // namespace postrider::line
