// Coroutines for callers that block. Private.
#pragma once

#include <coroutine>
#include <exception>
#include <optional>
#include <utility>

namespace ferrule::detail {

/// What a coroutine awaits that is there already.
template <class T>
class ready {
public:
    ready(T value) : value_(std::move(value)) {}

    [[nodiscard]] bool await_ready() const noexcept { return true; }
    void await_suspend(std::coroutine_handle<>) const noexcept {}
    T await_resume() { return std::move(value_); }

private:
    T value_;
};

/// A coroutine that runs to its end inside the call, since nothing that it awaits suspends. So an algorithm that is
/// written as a coroutine serves blocking callers as well.
template <class T>
class immediate {
public:
    class promise_type {
    public:
        immediate get_return_object() noexcept
        {
            return immediate(std::coroutine_handle<promise_type>::from_promise(*this));
        }
        std::suspend_never initial_suspend() const noexcept { return {}; }
        std::suspend_always final_suspend() const noexcept { return {}; }
        void return_value(T value) { value_ = std::move(value); }
        void unhandled_exception() noexcept { thrown_ = std::current_exception(); }

        std::optional<T> value_;
        std::exception_ptr thrown_;
    };

    immediate(const immediate&) = delete;
    immediate& operator=(const immediate&) = delete;
    ~immediate() { coroutine_.destroy(); }

    [[nodiscard]] bool await_ready() const noexcept { return true; }
    void await_suspend(std::coroutine_handle<>) const noexcept {}
    T await_resume() { return get(); }

    T get()
    {
        if (coroutine_.promise().thrown_)
            std::rethrow_exception(coroutine_.promise().thrown_);
        return std::move(*coroutine_.promise().value_);
    }

private:
    explicit immediate(std::coroutine_handle<promise_type> c) noexcept : coroutine_(c) {}

    std::coroutine_handle<promise_type> coroutine_;
};

} // namespace ferrule::detail
