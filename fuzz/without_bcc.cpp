// A message without its Bcc: nothing is added, nothing else is lost, and doing it again changes nothing.
#include "expect.hpp"
#include "postrider/message.hpp"

#include <cstdint>
#include <string>

using namespace postrider;

static std::string text_of(const content& c) {
    std::string all;
    content::reader r = c.read();
    for (result<std::span<const char>> part = r.next(); part && !part->empty(); part = r.next()) {
        all.append(part->data(), part->size());
    }
    return all;
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view text{reinterpret_cast<const char*>(data), size};
    const result<content> once = without_bcc(content::lent(text));
    EXPECT(once.has_value());
    const std::string left = text_of(*once);
    EXPECT(left.size() == once->size() && left.size() <= text.size());
    std::size_t at = 0;
    for (const char c : left) { // what is left stands in the same order in what was given
        at = text.find(c, at);
        EXPECT(at != std::string_view::npos);
        ++at;
    }
    if (text.find("\xEF\xBB\xBF", 1) != std::string_view::npos) {
        return 0; // a byte order mark counts only in front of the first field, which may now be another one
    }
    const result<content> twice = without_bcc(*once);
    EXPECT(twice.has_value() && text_of(*twice) == left);
    return 0;
}
