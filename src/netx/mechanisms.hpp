// The mechanisms beyond PLAIN and LOGIN, in the builds that have them.
#pragma once

#include "options.hpp"
#include "postrider/sasl.hpp"

#include <array>

namespace postrider::netx {

#ifdef NX_SMTP_CLIENT_FURTHER_MECHANISM

/// Room for the one that the client's authentication type names.
class further_mechanism {
  public:
    /// Makes it anew; nullptr when the type names none of them.
    mechanism* make(const NX_SMTP_CLIENT& c);

  private:
    alignas(VOID*) std::array<unsigned char, NX_SMTP_CLIENT_MECHANISM_SIZE> space_;
};

#else

class further_mechanism {
  public:
    static mechanism* make(const NX_SMTP_CLIENT&) { return nullptr; }
};

#endif

} // namespace postrider::netx
