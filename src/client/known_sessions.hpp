// known_sessions.hpp - TLS sessions that the next connection to the same server may resume, for all clients
// of the process.
//
// A session carries the judgement of the certificate it began with, and tells the server who is back. It may
// therefore only be resumed by somebody who asks for exactly the same: the key is the identity of
// identity.hpp.
#pragma once

#include "openssl_ptr.hpp"
#include "postrider/client.hpp"

#include <cstddef>
#include <list>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

namespace postrider::line {

class known_sessions {
  public:
    struct entry {
        std::string key;
        ssl_session_ptr session;
        bool verified = false;
        std::string problem;
        std::shared_ptr<const certificate_info> certificate; ///< it began with
    };

    /// Of the process.
    static known_sessions& shared();
    explicit known_sessions(std::size_t bound = 1024, std::size_t bound_per_key = 8)
        : bound_(bound), bound_per_key_(bound_per_key) {}

    void keep(entry e);
    /// The newest of those that have not expired. Once only, so that nobody can link two connections by a
    /// ticket (RFC 8446 C.4).
    std::optional<entry> take(const std::string& key);

  private:
    std::mutex mutex_;
    std::size_t bound_;
    std::size_t bound_per_key_;
    std::list<entry> entries_; // the newest in front
};

} // namespace postrider::line
