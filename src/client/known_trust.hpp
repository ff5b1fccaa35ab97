// known_trust.hpp - the CAs and revocation lists that are in use, for all clients of the process.
//
// A system's CAs take 30 ms to read, and most of a megabyte. A pool with a thousand servers has a thousand
// TLS contexts, and they trust the same: what one has read the others use.
#pragma once

#include "openssl_ptr.hpp"
#include "postrider/client.hpp"

#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <utility>

namespace postrider::line {

/// Used by any number of contexts and threads.
using trust = std::shared_ptr<X509_STORE>;

class known_trust {
  public:
    /// Of the process.
    static known_trust& shared();
    /// All CAs of the system are in this file, PEM.
    explicit known_trust(std::string file_of_the_system = X509_get_default_cert_file())
        : file_of_the_system_(std::move(file_of_the_system)) {}

    /// Whom the options trust: read, unless somebody holds the same and the files are as they were. Null when
    /// one cannot be used; `why` then says which.
    trust load(const tls_options& options, std::string& why);

  private:
    std::string file_of_the_system_;
    std::mutex mutex_;
    std::map<std::string, std::weak_ptr<X509_STORE>> held_; // by trust_of()
};

} // namespace postrider::line
