// The envelope of a finished message: every path it gives can be sent.
#include "expect.hpp"
#include "postrider/message.hpp"
#include "postrider/path.hpp"

#include <cstdint>
#include <string>

using namespace postrider;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view text{reinterpret_cast<const char*>(data), size};
    std::string why;
    const result<message_envelope> e = envelope_of(content::lent(text), &why);
    if (!e) {
        EXPECT(!why.empty());
        return 0;
    }
    for (const std::string& to : e->recipients()) {
        EXPECT(forward_path::parse(to).has_value());
    }
    EXPECT(reverse_path::parse(e->reverse_path()).has_value());
    return 0;
}
