#include "platform/serial/line.hpp"

#include <algorithm>
#include <utility>

namespace ferrule::serial {

void event_set::await(const waiting& w)
{
    for (std::size_t i = 0; i < targets_.size(); ++i) {
        if (w.targets[i] == targets_[i])
            continue;
        if (!targets_[i].is_now())
            events_.remove(std::exchange(targets_[i], readiness::now()));
        if (!w.targets[i].is_now())
            events_.add(this, w.targets[i]);
        targets_[i] = w.targets[i];
    }
    events_.set_time(w.until);
}

void event_set::await_nothing() noexcept
{
    for (readiness& t : targets_) {
        if (!t.is_now())
            events_.remove(std::exchange(t, readiness::now()));
    }
}

void line::close() noexcept
{
    const std::lock_guard guard(mutex_);
    if (std::exchange(closed_, true))
        return;
    shut();
    wake_operations();
}

void line::wake_operations() noexcept
{
    for (os::doorbell* const bell : waiting_)
        bell->ring();
}

operation::~operation()
{
    if (!bell_)
        return;
    const std::lock_guard guard(line_->mutex_);
    std::erase(line_->waiting_, &*bell_);
}

std::optional<waiting> operation::advance()
{
    const std::lock_guard guard(line_->mutex_);
    if (bell_)
        bell_->silence();
    if (line_->closed_)
        throw_error(errc::closed);
    std::optional<waiting> w = step();
    if (w && !bell_) {
        bell_.emplace();
        line_->waiting_.push_back(&*bell_);
    }
    return w;
}

namespace {

class closing final : public operation {
public:
    using operation::operation;

private:
    std::optional<waiting> step() override { return waiting{}; }
};

} // namespace

std::unique_ptr<operation> until_closed(std::shared_ptr<line> l)
{
    return std::make_unique<closing>(std::move(l));
}

bool running_operation::advance()
{
    if (events_)
        events_->look();
    const std::optional<waiting> w = operation_->advance();
    if (!w)
        return true;
    if (!events_) {
        events_ = std::make_unique<event_set>();
        events_->add(operation_->bell());
    }
    events_->await(*w);
    return false;
}

namespace {

class line_descriptor {
public:
    explicit line_descriptor(std::shared_ptr<line> l) noexcept : line_(std::move(l)) {}

    io_result try_read(std::span<std::byte> in) noexcept { return line_->try_read(in); }
    io_result try_write(std::span<const byte_view> out) noexcept { return line_->try_write(out); }
    readiness arm(direction d) noexcept { return line_->arm(d); }
    void close() noexcept { line_->close(); }
    [[nodiscard]] std::size_t unsent() const noexcept { return line_->unsent(); }
    io_result try_flush() noexcept { return line_->try_flush(); }
    [[nodiscard]] bool stale(direction d) const noexcept { return line_->stale(d); }
    [[nodiscard]] native_handle_type native_handle() const noexcept { return line_->native_handle(); }
    [[nodiscard]] native_handle_type socket() const noexcept { return line_->socket(); }
    native_handle_type release() noexcept
    {
        const native_handle_type h = line_->release();
        line_->close();
        return h;
    }
    [[nodiscard]] bool inheritable() const { return line_->inheritable(); }
    error_code set_inheritable(bool on) noexcept { return line_->set_inheritable(on); }

    [[nodiscard]] const std::shared_ptr<line>& get() const noexcept { return line_; }

private:
    std::shared_ptr<line> line_;
};

} // namespace

descriptor descriptor_of(std::shared_ptr<line> l)
{
    return line_descriptor(std::move(l));
}

std::shared_ptr<line> line_of(detail::any_descriptor* d) noexcept
{
    auto* const held = dynamic_cast<detail::descriptor_holder<line_descriptor>*>(d);
    return held == nullptr ? nullptr : held->value().get();
}

} // namespace ferrule::serial
