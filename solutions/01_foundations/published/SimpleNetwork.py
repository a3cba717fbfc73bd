"""SimpleNetwork as it was published, with its errors."""


class SimpleNetwork:
    def train(self, inputs, targets, *, epochs, learning_rate):
        for epoch in range(epochs):
            predictions = self.predict(inputs)
            self.weights += inputs.T @ (predictions - targets)
